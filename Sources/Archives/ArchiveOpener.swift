import CLinux
import Glibc
import SystemPackage

/// Opens the archives of a run, before there is a guest.
public final class ArchiveOpener {
  public enum Format: Sendable { case tar, squashfs, git, oci }

  private let temporary: () throws(ArchiveError) -> String
  private var cache: SourceCache?
  private var stores: [String: ContentStore] = [:]
  private var numbers: UInt64 = 0
  /// What the names of directories in the cache begin with: another meaning of their contents is another number.
  private static let version = "1"

  /// - Parameter temporary: makes a directory that is removed after the run, and tells its path without symbolic links; called
  ///   if the user's cache directory cannot be used.
  public init(temporary: @escaping () throws(ArchiveError) -> String) { self.temporary = temporary }

  /// - Parameter place: what a source's type is followed by: a file or a directory, and what is wanted of it.
  public func open(_ format: Format, _ place: String) throws(ArchiveError) -> ArchiveTree {
    switch format {
    case .tar: try tar(place)
    case .squashfs: try squashfs(place)
    case .git: try git(place)
    case .oci: try oci(place)
    }
  }

  private func tar(_ place: String) throws(ArchiveError) -> ArchiveTree {
    let (path, subpath) = Self.split(place, at: "!/")
    let file = try ArchiveFile(path)
    let directory = try cacheDirectory("tar-\(file.key)")
    let archive = try TarReader.open(file, directory)
    let builder = TreeBuilder()
    try archive.index(into: builder, store: 0)
    return try tree(builder, [store(directory, archive)], subpath, of: path)
  }

  private func squashfs(_ place: String) throws(ArchiveError) -> ArchiveTree {
    let (path, subpath) = Self.split(place, at: "!/")
    let file = try ArchiveFile(path)
    let directory = try cacheDirectory("squashfs-\(file.key)")
    let image = try ArchiveReader(.squashfs, file)
    let builder = TreeBuilder()
    try image.index(into: builder, store: 0)
    return try tree(builder, [store(directory, image)], subpath, of: path)
  }

  /// The same place of a git repository, that stays what it is now when branches move.
  public func pin(_ place: String) throws(ArchiveError) -> String {
    let (path, treeish) = Self.split(place, at: "!")
    let real = try Self.realPath(path)
    return "\(real)!\(try GitRepository(real).object(of: treeish ?? "HEAD"))"
  }

  private static func realPath(_ path: String) throws(ArchiveError) -> String {
    guard let real = realpath(path, nil) else { throw .system("open", path) }
    defer { free(real) }
    return String(cString: real)
  }

  private func git(_ place: String) throws(ArchiveError) -> ArchiveTree {
    let (path, treeish) = Self.split(place, at: "!")
    let real = try Self.realPath(path)
    var status = stat()
    guard stat(real, &status) == 0 else { throw .system("open", path) }
    let repository = try GitRepository(real)
    let (tree, time) = try repository.resolve(treeish ?? "HEAD")
    let place = [Int](arrayLiteral: numericCast(status.st_dev), numericCast(status.st_ino))
      .map { String($0, radix: 36) }.joined(separator: "-")
    let directory = try cacheDirectory("git-\(place)-\(tree)")
    let builder = TreeBuilder()
    try repository.index(tree, time: time, into: builder)
    return try self.tree(builder, [store(directory, repository)], nil, of: path, hasOwners: false)
  }

  private func oci(_ place: String) throws(ArchiveError) -> ArchiveTree {
    let (image, subpath) = Self.split(place, at: "!/")
    let (path, tag) = Self.splitTag(image)
    let layout = try OCILayout(path, cacheDirectory, number: nextNumber())
    let builder = TreeBuilder()
    var stores: [ContentStore] = []
    let layers = try OCIImage(layout, tag: tag).layers
    for (number, layer) in layers.enumerated() {
      let directory = try cacheDirectory("layer-\(layer.digest)")
      let blob = try layout.open(OCIImage.blob(layer.digest))
      let archive = try TarReader.open(blob, directory, layer: layer)
      builder.beginLayer(UInt16(number + 1))
      try archive.index(into: builder, store: UInt32(number), isLayer: true)
      stores.append(store(directory, archive))
    }
    return try tree(builder, stores, subpath, of: path)
  }

  // MARK: Parts

  /// What is before and after the last separator; a file whose name has one is taken as it is.
  private static func split(_ place: String, at separator: String) -> (String, String?) {
    if access(place, F_OK) == 0 { return (place, nil) }
    let bytes = Array(place.utf8)
    let wanted = Array(separator.utf8)
    guard bytes.count >= wanted.count,
      let position = (0...bytes.count - wanted.count).last(where: { bytes[$0...].starts(with: wanted) })
    else { return (place, nil) }
    return (
      String(decoding: bytes[..<position], as: UTF8.self),
      String(decoding: bytes[(position + wanted.count)...], as: UTF8.self)
    )
  }

  /// A layout and a tag: either may have colons, so the shortest path that exists is the layout's.
  private static func splitTag(_ image: String) -> (String, String?) {
    if access(image, F_OK) == 0 { return (image, nil) }
    let colons = image.indices.filter { image[$0] == ":" }
    let colon = colons.first { access(String(image[..<$0]), F_OK) == 0 } ?? colons.last
    guard let colon else { return (image, nil) }
    return (String(image[..<colon]), String(image[image.index(after: colon)...]))
  }

  private func nextNumber() -> UInt64 {
    numbers += 1
    return numbers
  }

  private func cacheDirectory(_ key: String) throws(ArchiveError) -> CacheDirectory {
    if cache == nil { cache = try SourceCache(temporary: temporary) }
    return try cache!.open("\(Self.version)-\(key)")
  }

  /// The contents of one archive are the same files, however many sources show them.
  private func store(_ directory: CacheDirectory, _ reader: any ContentReader) -> ContentStore {
    if let known = stores[directory.path] { return known }
    let store = ContentStore(directory, reader, number: nextNumber())
    stores[directory.path] = store
    return store
  }

  private func tree(
    _ builder: TreeBuilder, _ stores: [ContentStore], _ subpath: String?, of path: String, hasOwners: Bool = true
  ) throws(ArchiveError) -> ArchiveTree {
    let index = builder.finish()
    var root = TreeIndex.root
    let prefix = Array((subpath ?? "").utf8)
    if !prefix.isEmpty {
      guard let found = prefix.withUnsafeBufferPointer({ index.find($0, from: root) }) else {
        throw ArchiveError("\(path) has no \(subpath!)")
      }
      root = found
    }
    let node = index.nodes[Int(root)]
    if node.isLink {
      throw ArchiveError("\(subpath!) of \(path) is a symbolic link to \(printable(index.linkTarget(root))): name that")
    }
    guard node.isDirectory || node.isRegular else {
      throw ArchiveError("\(subpath!) of \(path) is neither a directory nor a file")
    }
    return ArchiveTree(
      index, root: root, prefix: prefix, stores: stores, device: 1 << 40 | nextNumber(), hasOwners: hasOwners)
  }
}
