import CArchives
import CLinux
import Glibc
import SystemPackage

/// A squashfs image, read at random by libsquashfs, in a child (`ArchiveReader`).
final class SquashfsImage {
  private let library: uwrx_libsquashfs
  private let path: String
  private var objects: [UnsafeMutableRawPointer] = []
  private var superblock = sqfs_super_t()
  private var identifiers: OpaquePointer!
  private var directories: OpaquePointer!
  private var data: OpaquePointer!
  private var attributes: OpaquePointer?

  static func load() throws(ArchiveError) -> uwrx_libsquashfs {
    guard let library = uwrx_load_libsquashfs() else {
      throw ArchiveError("the library that reads squashfs images is missing: install libsquashfs1")
    }
    return library.pointee
  }

  /// The library's own handle of the very file that the key of the cache was made of: afterwards nothing is opened.
  static func open(_ source: ArchiveFile) -> UnsafeMutablePointer<sqfs_file_t>? {
    (try? load())?.sqfs_open_file(
      "/proc/self/fd/\(source.file.rawValue)", UInt32(SQFS_FILE_OPEN_READ_ONLY.rawValue))
  }

  init(_ file: UnsafeMutablePointer<sqfs_file_t>?, _ source: ArchiveFile) throws(ArchiveError) {
    library = try Self.load()
    path = source.path
    let sqfs = library
    guard let file else { throw ArchiveError("cannot open \(path)") }
    objects.append(UnsafeMutableRawPointer(file))
    try check(sqfs.sqfs_super_read(&superblock, file))
    var configuration = sqfs_compressor_config_t()
    try check(
      sqfs.sqfs_compressor_config_init(
        &configuration, SQFS_COMPRESSOR(rawValue: UInt32(superblock.compression_id)), Int(superblock.block_size),
        UInt16(SQFS_COMP_FLAG_UNCOMPRESS.rawValue)))
    var compressor: UnsafeMutablePointer<sqfs_compressor_t>?
    try check(sqfs.sqfs_compressor_create(&configuration, &compressor))
    objects.append(UnsafeMutableRawPointer(compressor!))
    identifiers = try keep(sqfs.sqfs_id_table_create(0))
    try check(sqfs.sqfs_id_table_read(identifiers, file, &superblock, compressor))
    directories = try keep(sqfs.sqfs_dir_reader_create(&superblock, compressor, file, 0))
    data = try keep(sqfs.sqfs_data_reader_create(file, Int(superblock.block_size), compressor, 0))
    try check(sqfs.sqfs_data_reader_load_fragment_table(data, &superblock))
    if superblock.flags & UInt16(SQFS_FLAG_NO_XATTRS.rawValue) == 0 {
      attributes = try keep(sqfs.sqfs_xattr_reader_create(0))
      try check(sqfs.sqfs_xattr_reader_load(attributes, &superblock, file, compressor))
    }
  }

  deinit {
    for object in objects.reversed() { sqfs_destroy(object) }
  }

  private func keep(_ object: OpaquePointer?) throws(ArchiveError) -> OpaquePointer {
    guard let object else { throw ArchiveError("there is no memory to read \(path)") }
    objects.append(UnsafeMutableRawPointer(object))
    return object
  }

  private func check(_ result: Int32) throws(ArchiveError) {
    if result == 0 { return }
    let reason =
      switch SQFS_ERROR(result) {
      case SQFS_ERROR_ALLOC: "there is not enough memory"
      case SQFS_ERROR_IO, SQFS_ERROR_OUT_OF_BOUNDS: "it is cut off"
      case SQFS_ERROR_UNSUPPORTED: "this libsquashfs does not know its compression"
      case SFQS_ERROR_SUPER_MAGIC: "it is no squashfs image"
      case SFQS_ERROR_SUPER_VERSION: "it is not of version 4"
      default: "it is damaged"
      }
    throw ArchiveError("\(path) cannot be read: \(reason)")
  }

  private typealias Inode = UnsafeMutablePointer<sqfs_inode_generic_t>

  // MARK: Entries

  /// Tells what the image has.
  func index(into output: ReaderOutput) throws(ArchiveError) {
    var root: Inode?
    try check(library.sqfs_dir_reader_get_root_inode(directories, &root))
    var pending: [(path: [UInt8], inode: Inode)] = [([], root!)]
    defer { for directory in pending { library.sqfs_free(directory.inode) } }
    // Directories that were met: one that is met again is its own parent, or has two.
    var met: Set<UInt32> = []
    var names: [UInt32: [UInt8]] = [:]
    try output.add([], try node(root!), attributes: try readAttributes(root!))
    while let (path, inode) = pending.popLast() {
      defer { library.sqfs_free(inode) }
      guard met.insert(inode.pointee.base.inode_number).inserted else {
        throw ArchiveError("\(self.path) cannot be used: a directory contains itself: \(printable(path))")
      }
      try check(library.sqfs_dir_reader_open_dir(directories, inode, 0))
      while let entry = try nextEntry() {
        defer { library.sqfs_free(entry) }
        let name = UnsafeBufferPointer(start: uwrx_sqfs_entry_name(entry), count: Int(entry.pointee.size) + 1)
        guard !name.contains(UInt8(ascii: "/")), !name.contains(0) else {
          throw ArchiveError("\(self.path) cannot be used: a name has a slash or a zero byte: \(printable(name))")
        }
        let child = path + (path.isEmpty ? [] : [UInt8(ascii: "/")]) + name
        var next: Inode?
        try check(library.sqfs_dir_reader_get_inode(directories, &next))
        var isKept = false
        defer { if !isKept { library.sqfs_free(next) } }
        do throws(ArchiveError) {
          isKept = try add(next!, at: child, to: output, &names)
        } catch { throw ArchiveError("\(self.path) cannot be used: \(error)") }
        if isKept { pending.append((child, next!)) }
      }
    }
  }

  private func nextEntry() throws(ArchiveError) -> UnsafeMutablePointer<sqfs_dir_entry_t>? {
    var entry: UnsafeMutablePointer<sqfs_dir_entry_t>?
    let result = library.sqfs_dir_reader_read(directories, &entry)
    if result > 0 { return nil }
    try check(result)
    return entry
  }

  /// - Returns: whether it is a directory, whose entries are still to be read.
  private func add(
    _ inode: Inode, at path: [UInt8], to output: ReaderOutput, _ names: inout [UInt32: [UInt8]]
  ) throws(ArchiveError) -> Bool {
    let number = inode.pointee.base.inode_number
    if let first = names[number] {
      try output.link(path, to: first)
      return false
    }
    let node = try node(inode)
    var target: [UInt8] = []
    if node.isLink {
      let length = Int(inode.pointee.data.slink.target_size)
      target = uwrx_sqfs_link_target(inode).map { Array(UnsafeRawBufferPointer(start: $0, count: length)) } ?? []
    }
    try output.add(path, node, target: target, attributes: try readAttributes(inode))
    if linkCount(inode) > 1 { names[number] = path }
    return node.isDirectory
  }

  /// Of the kinds that can have several names.
  private func linkCount(_ inode: Inode) -> UInt32 {
    switch Int(inode.pointee.base.type) {
    case Int(SQFS_INODE_EXT_FILE.rawValue): inode.pointee.data.file_ext.nlink
    case Int(SQFS_INODE_SLINK.rawValue), Int(SQFS_INODE_EXT_SLINK.rawValue): inode.pointee.data.slink.nlink
    case Int(SQFS_INODE_FIFO.rawValue), Int(SQFS_INODE_SOCKET.rawValue): inode.pointee.data.ipc.nlink
    case Int(SQFS_INODE_EXT_FIFO.rawValue), Int(SQFS_INODE_EXT_SOCKET.rawValue): inode.pointee.data.ipc_ext.nlink
    default: 1
    }
  }

  private func node(_ inode: Inode) throws(ArchiveError) -> Node {
    let base = inode.pointee.base
    var node = Node(mode: UInt32(base.mode), modified: Int64(base.mod_time))
    try check(library.sqfs_id_table_index_to_id(identifiers, base.uid_idx, &node.uid))
    try check(library.sqfs_id_table_index_to_id(identifiers, base.gid_idx, &node.gid))
    if node.isRegular {
      var size: UInt64 = 0
      try check(library.sqfs_inode_get_file_size(inode, &size))
      guard let size = Int64(exactly: size) else { throw ArchiveError("a file has a size that no file can have") }
      node.size = size
      node.content = UInt64(base.inode_number)
    }
    return node
  }

  private func readAttributes(_ inode: Inode) throws(ArchiveError) -> [(name: [UInt8], value: [UInt8])] {
    guard let attributes else { return [] }
    var index: UInt32 = 0
    try check(library.sqfs_inode_get_xattr_index(inode, &index))
    guard index != 0xffff_ffff else { return [] }
    var description = sqfs_xattr_id_t()
    try check(library.sqfs_xattr_reader_get_desc(attributes, index, &description))
    guard description.count <= ArchiveLimits.attributes else {
      throw ArchiveError("a file has more than \(ArchiveLimits.attributes) extended attributes")
    }
    try check(library.sqfs_xattr_reader_seek_kv(attributes, &description))
    var all: [(name: [UInt8], value: [UInt8])] = []
    for _ in 0..<description.count {
      var key: UnsafeMutablePointer<sqfs_xattr_entry_t>?
      var value: UnsafeMutablePointer<sqfs_xattr_value_t>?
      try check(library.sqfs_xattr_reader_read_key(attributes, &key))
      defer { library.sqfs_free(key) }
      try check(library.sqfs_xattr_reader_read_value(attributes, key, &value))
      defer { library.sqfs_free(value) }
      let name = LibArchive.bytes(uwrx_sqfs_key_name(key!)) ?? []
      let bytes = UnsafeBufferPointer(start: uwrx_sqfs_value_bytes(value!), count: Int(value!.pointee.size))
      all.append((name, Array(bytes)))
    }
    return all
  }

  // MARK: Contents

  func copy(_ content: UInt64, path: [UInt8], to sink: any ContentSink) throws(Errno) {
    guard let inode = find(path) else { throw .ioError }
    defer { library.sqfs_free(inode) }
    var size: UInt64 = 0
    guard UInt64(inode.pointee.base.inode_number) == content, library.sqfs_inode_get_file_size(inode, &size) == 0 else {
      throw .ioError
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(superblock.block_size), alignment: 16)
    defer { buffer.deallocate() }
    var offset: UInt64 = 0
    while offset < size {
      let wanted = UInt32(min(UInt64(buffer.count), size - offset))
      let count = library.sqfs_data_reader_read(data, inode, offset, buffer.baseAddress, wanted)
      guard count > 0 else { throw .ioError }
      try sink.put(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]), at: Int64(clamping: offset))
      offset += UInt64(count)
    }
    try sink.finish(size: Int64(clamping: size))
  }

  /// The inode at a path; the library's own search takes a backslash for a slash.
  private func find(_ path: [UInt8]) -> Inode? {
    var inode: Inode?
    guard library.sqfs_dir_reader_get_root_inode(directories, &inode) == 0 else { return nil }
    for component in path.split(separator: UInt8(ascii: "/")) {
      let parent = inode
      defer { library.sqfs_free(parent) }
      inode = nil
      let name = component.map { CChar(bitPattern: $0) } + [0]
      guard library.sqfs_dir_reader_open_dir(directories, parent, 0) == 0,
        library.sqfs_dir_reader_find(directories, name) == 0,
        library.sqfs_dir_reader_get_inode(directories, &inode) == 0
      else { return nil }
    }
    return inode
  }
}
