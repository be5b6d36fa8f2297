import CArchives
import CLinux
import Glibc
import SystemPackage

/// One reading of an archive by libarchive, from an offset on.
final class LibArchive {
  private static let bufferSize = 1 << 16

  private let library: uwrx_libarchive
  private let handle: OpaquePointer
  private let source: ArchiveFile
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LibArchive.bufferSize, alignment: 16)
  private(set) var offset: Int64

  static func load() throws(ArchiveError) -> uwrx_libarchive {
    guard let library = uwrx_load_libarchive() else {
      throw ArchiveError("the library that reads tar archives is missing: install libarchive13")
    }
    return library.pointee
  }

  /// - Parameters:
  ///   - isFiltered: the archive may be compressed.
  ///   - isRaw: only what the compression hides is wanted.
  init(
    _ source: ArchiveFile, at offset: Int64 = 0, isFiltered: Bool = false, isRaw: Bool = false
  ) throws(ArchiveError) {
    library = try Self.load()
    self.source = source
    self.offset = offset
    guard let handle = library.archive_read_new() else {
      throw ArchiveError("there is no memory to read \(source.path)")
    }
    self.handle = handle
    if isFiltered {
      // A filter that the library was built without would be a program that it starts.
      for add in [
        library.archive_read_support_filter_gzip, library.archive_read_support_filter_bzip2,
        library.archive_read_support_filter_xz, library.archive_read_support_filter_zstd,
      ] where add!(handle) != ARCHIVE_OK {
        throw ArchiveError(
          "libarchive cannot decompress all of gzip, bzip2, xz and zstd: install Debian's libarchive13")
      }
    }
    _ = isRaw ? library.archive_read_support_format_raw(handle) : library.archive_read_support_format_tar(handle)
    let result = library.archive_read_open2(
      handle, Unmanaged.passUnretained(self).toOpaque(), nil,
      { _, client, bytes in
        let archive = Unmanaged<LibArchive>.fromOpaque(client!).takeUnretainedValue()
        bytes!.pointee = UnsafeRawPointer(archive.buffer.baseAddress)
        return archive.read()
      },
      { _, client, request in Unmanaged<LibArchive>.fromOpaque(client!).takeUnretainedValue().skip(request) }, nil)
    guard result == ARCHIVE_OK else { throw failure() }
  }

  deinit {
    _ = library.archive_read_free(handle)
    buffer.deallocate()
  }

  private func read() -> Int {
    guard let count = try? source.read(at: offset, into: buffer) else { return -1 }
    offset += Int64(count)
    return count
  }

  /// Not beyond the end: what is missing there shows when it is read.
  private func skip(_ request: Int64) -> Int64 {
    let count = max(0, min(request, source.size - offset))
    offset += count
    return count
  }

  func failure() -> ArchiveError {
    let text = library.archive_error_string(handle).map {
      printable(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
    }
    return ArchiveError("\(source.path) cannot be read: \(text ?? "it is damaged")")
  }

  // MARK: Entries

  /// The next entry, or nil at the end.
  func next() throws(ArchiveError) -> OpaquePointer? {
    var entry: OpaquePointer?
    switch library.archive_read_next_header(handle, &entry) {
    case ARCHIVE_OK, ARCHIVE_WARN: return entry
    case ARCHIVE_EOF: return nil
    default: throw failure()
    }
  }

  /// Whether what was opened is not compressed; known when the first entry is.
  var isPlain: Bool { library.archive_filter_code(handle, 0) == ARCHIVE_FILTER_NONE }

  /// Where the entry begins.
  var position: Int64 { library.archive_read_header_position(handle) }

  static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
    text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  func path(_ entry: OpaquePointer) -> [UInt8]? { Self.bytes(library.archive_entry_pathname(entry)) }
  func hardLink(_ entry: OpaquePointer) -> [UInt8]? { Self.bytes(library.archive_entry_hardlink(entry)) }
  func symbolicLink(_ entry: OpaquePointer) -> [UInt8]? { Self.bytes(library.archive_entry_symlink(entry)) }
  func size(_ entry: OpaquePointer) -> Int64 { library.archive_entry_size(entry) }

  /// What the entry is, without its contents.
  func node(_ entry: OpaquePointer) -> Node {
    var seconds = Int64(library.archive_entry_mtime(entry))
    var nanoseconds = UInt32(max(0, min(library.archive_entry_mtime_nsec(entry), 999_999_999)))
    // Of a time before 1970 the library takes the fraction away from the second, and then calls it what is to be added
    // (findings/libarchive_negative_times.sh).
    if nanoseconds > 0, seconds != .min, seconds < 0 {
      seconds -= 1
      nanoseconds = 1_000_000_000 - nanoseconds
    }
    return Node(
      mode: UInt32(library.archive_entry_filetype(entry)) & FileType.mask
        | UInt32(library.archive_entry_perm(entry)) & 0o7777,
      uid: UInt32(clamping: library.archive_entry_uid(entry)), gid: UInt32(clamping: library.archive_entry_gid(entry)),
      modified: seconds, nanoseconds: nanoseconds)
  }

  func attributes(_ entry: OpaquePointer) -> [(name: [UInt8], value: [UInt8])] {
    guard library.archive_entry_xattr_reset(entry) > 0 else { return [] }
    var attributes: [(name: [UInt8], value: [UInt8])] = []
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    while attributes.count <= ArchiveLimits.attributes,
      library.archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK
    {
      guard let name = Self.bytes(name) else { continue }
      attributes.append((name, Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size))))
    }
    return attributes
  }

  // MARK: Contents

  /// Calls `body` with each piece of the entry's contents and its offset; between them are zeros.
  /// - Returns: where the last piece ends.
  func readData(
    _ body: (UnsafeRawBufferPointer, Int64) throws(Errno) -> Void
  ) throws(Errno) -> Int64 {
    var end: Int64 = 0
    while true {
      var piece: UnsafeRawPointer?
      var size = 0
      var offset: Int64 = 0
      switch library.archive_read_data_block(handle, &piece, &size, &offset) {
      case ARCHIVE_OK, ARCHIVE_WARN:
        guard offset >= end, size >= 0, let sum = Optional(offset.addingReportingOverflow(Int64(size))), !sum.overflow
        else { throw .ioError }
        try body(UnsafeRawBufferPointer(start: piece, count: piece == nil ? 0 : size), offset)
        end = sum.partialValue
      case ARCHIVE_EOF: return max(end, offset)
      default: throw .ioError
      }
    }
  }
}

/// Runs what calls libraries that convert names, in a locale in which they stay as they are.
func withUTF8Locale<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
  let previous = uwrx_enter_utf8_locale()
  defer { uwrx_leave_utf8_locale(previous) }
  return try body()
}
