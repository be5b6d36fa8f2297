import CArchives
import Glibc
import SystemPackage

/// Writes a tar archive in the pax format.
public final class TarWriter {
  /// What stands at a name.
  public struct Entry {
    /// Without a leading slash.
    public var path: [UInt8]
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var modified: timespec
    /// Of a symbolic link.
    public var target: [UInt8]?
    /// An earlier name of the same file.
    public var hardLink: [UInt8]?
    public var attributes: [(name: [UInt8], value: [UInt8])]

    public init(
      path: [UInt8], mode: UInt32, uid: UInt32, gid: UInt32, modified: timespec, target: [UInt8]? = nil,
      hardLink: [UInt8]? = nil, attributes: [(name: [UInt8], value: [UInt8])] = []
    ) {
      self.path = path
      self.mode = mode
      self.uid = uid
      self.gid = gid
      self.modified = modified
      self.target = target
      self.hardLink = hardLink
      self.attributes = attributes
    }
  }

  private let library: uwrx_libarchive_writer
  private let handle: OpaquePointer
  private let locale: UnsafeMutableRawPointer?
  private var buffer = [UInt8](repeating: 0, count: 1 << 17)

  /// - Parameter file: where it goes; not closed.
  public init(_ file: FileDescriptor) throws(ArchiveError) {
    guard let library = uwrx_load_libarchive_writer()?.pointee else {
      throw ArchiveError("the library that writes tar archives is missing: install libarchive13")
    }
    guard let handle = library.archive_write_new() else { throw ArchiveError("there is no memory to write an archive") }
    self.library = library
    self.handle = handle
    locale = uwrx_enter_utf8_locale()
    guard library.archive_write_set_format_pax(handle) == ARCHIVE_OK,
      library.archive_write_open_fd(handle, file.rawValue) == ARCHIVE_OK
    else { throw failure() }
  }

  deinit {
    _ = library.archive_write_free(handle)
    uwrx_leave_utf8_locale(locale)
  }

  private func failure() -> ArchiveError {
    ArchiveError(
      "the archive cannot be written: \(library.archive_error_string(handle).map { String(cString: $0) } ?? "?")")
  }

  /// - Parameter contents: of a regular file without an earlier name.
  public func add(_ entry: Entry, contents: FileDescriptor? = nil) throws(ArchiveError) {
    guard let header = library.archive_entry_new() else { throw failure() }
    defer { library.archive_entry_free(header) }
    func text(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
    library.archive_entry_set_pathname(header, text(entry.path))
    library.archive_entry_set_mode(header, mode_t(entry.mode))
    library.archive_entry_set_uid(header, Int64(entry.uid))
    library.archive_entry_set_gid(header, Int64(entry.gid))
    library.archive_entry_set_mtime(header, entry.modified.tv_sec, entry.modified.tv_nsec)
    if let target = entry.target { library.archive_entry_set_symlink(header, text(target)) }
    if let link = entry.hardLink { library.archive_entry_set_hardlink(header, text(link)) }
    for attribute in entry.attributes {
      library.archive_entry_xattr_add_entry(header, text(attribute.name), attribute.value, attribute.value.count)
    }
    var size: Int64 = 0
    if let contents { size = Int64(lseek(contents.rawValue, 0, SEEK_END)) }
    library.archive_entry_set_size(header, size)
    if let contents { addHoles(of: contents, size, header) }
    // A name that is no UTF-8 is written as it is, with a warning.
    guard library.archive_write_header(handle, header) >= ARCHIVE_WARN else { throw failure() }
    if let contents { try write(contents, size) }
  }

  /// What is hole in a file takes no space in the archive.
  private func addHoles(of file: FileDescriptor, _ size: Int64, _ header: OpaquePointer) {
    var regions: [(Int64, Int64)] = []
    var offset: Int64 = 0
    while offset < size {
      let data = Int64(lseek(file.rawValue, off_t(offset), 3))  // SEEK_DATA
      if data < 0 { break }
      let hole = Int64(lseek(file.rawValue, off_t(data), 4))  // SEEK_HOLE
      let end = hole < 0 ? size : hole
      regions.append((data, end - data))
      offset = end
    }
    let covered = regions.reduce(Int64(0)) { $0 + $1.1 }
    guard size > 0, covered < size else { return }
    // A file that is all hole has an empty region at its end.
    if regions.isEmpty { regions = [(size, 0)] }
    for (start, length) in regions { library.archive_entry_sparse_add_entry(header, start, length) }
  }

  private func write(_ file: FileDescriptor, _ size: Int64) throws(ArchiveError) {
    var offset: Int64 = 0
    while offset < size {
      let wanted = Int(min(size - offset, Int64(buffer.count)))
      let count = buffer.withUnsafeMutableBytes { pread(file.rawValue, $0.baseAddress, wanted, off_t(offset)) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw ArchiveError("a file that the archive should hold cannot be read to its end") }
      var done = 0
      while done < count {
        let written = buffer.withUnsafeBytes {
          library.archive_write_data(handle, $0.baseAddress! + done, count - done)
        }
        guard written > 0 else { throw failure() }
        done += Int(written)
      }
      offset += Int64(count)
    }
  }

  /// The end of the archive.
  public func finish() throws(ArchiveError) {
    guard library.archive_write_close(handle) == ARCHIVE_OK else { throw failure() }
  }
}
