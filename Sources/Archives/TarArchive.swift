import CArchives
import CLinux
import Glibc
import SystemPackage

/// A tar archive: its entries are found once, and contents are read from where they are in the file. A compressed one has no
/// such places; it is decompressed once, into the cache.
final class TarArchive: ContentReader {
  private let file: ArchiveFile

  /// - Parameter file: not compressed.
  private init(_ file: ArchiveFile) { self.file = file }

  // MARK: Opening

  /// - Parameter cache: where the archive is decompressed to if it must be.
  static func open(_ file: ArchiveFile, _ cache: CacheDirectory) throws(ArchiveError) -> TarArchive {
    if let known = try decompressed(file, cache) { return known }
    let isPlain = try withUTF8Locale { () throws(ArchiveError) -> Bool in
      let archive = try LibArchive(file, isFiltered: true)
      _ = try archive.next()
      return archive.isPlain
    }
    return isPlain ? TarArchive(file) : try decompress(file, cache, layer: nil)
  }

  /// A layer of an image, of which nothing is believed before its digest is known to be right, in the cache either.
  static func open(
    _ file: ArchiveFile, _ cache: CacheDirectory, layer: OCIImage.Layer
  ) throws(ArchiveError) -> TarArchive {
    if let known = try verified(file, cache, layer) { return known }
    return try decompress(file, cache, layer: layer)
  }

  private static let decompressedName = "tar"

  /// One of the owner's alone, as it was made: who could write another could change all that the user runs.
  private static func decompressed(_ file: ArchiveFile, _ cache: CacheDirectory) throws(ArchiveError) -> TarArchive? {
    guard let known = cache.open(decompressedName) else { return nil }
    var status = stat()
    guard fstat(known.rawValue, &status) == 0, status.st_uid == geteuid(), status.st_mode == S_IFREG | 0o444 else {
      close(known.rawValue)
      cache.remove(decompressedName)
      return nil
    }
    return TarArchive(try ArchiveFile(known, file.path))
  }

  private static func verified(
    _ file: ArchiveFile, _ cache: CacheDirectory, _ layer: OCIImage.Layer
  ) throws(ArchiveError) -> TarArchive? {
    guard let known = try decompressed(file, cache) else { return nil }
    if let expected = layer.contentDigest, try SHA256.digest(of: known.file) == expected { return known }
    if layer.contentDigest == nil {
      do throws(ArchiveError) {
        try unpack(file, to: ContentSink(comparing: known.file.file), digest: layer.digest)
        return known
      } catch { if !error.isDifference { throw error } }
    }
    cache.remove(decompressedName)
    return nil
  }

  private static func decompress(
    _ file: ArchiveFile, _ cache: CacheDirectory, layer: OCIImage.Layer?
  ) throws(ArchiveError) -> TarArchive {
    cache.lock()
    defer { cache.unlock() }
    // Another run may have made it meanwhile.
    let made = if let layer { try verified(file, cache, layer) } else { try decompressed(file, cache) }
    if let made { return made }
    let content: FileDescriptor
    do throws(Errno) { content = try cache.create() } catch {
      throw ArchiveError("cannot make a file in \(cache.path): \(error)")
    }
    defer { close(content.rawValue) }
    try unpack(file, to: ContentSink(writing: content), digest: layer?.digest)
    let whole = try ArchiveFile(FileDescriptor(rawValue: dup(content.rawValue)), file.path)
    if let expected = layer?.contentDigest, try SHA256.digest(of: whole) != expected {
      throw ArchiveError(
        "\(file.path) is not what the image's configuration says: its contents are not sha256:\(expected)")
    }
    do throws(Errno) { _ = try cache.publish(content, as: decompressedName, mode: 0o444) } catch {
      throw ArchiveError("cannot make \(cache.path)/\(decompressedName): \(error)")
    }
    return TarArchive(whole)
  }

  /// - Parameter digest: of the archive itself.
  private static func unpack(_ file: ArchiveFile, to sink: ContentSink, digest: String?) throws(ArchiveError) {
    try withUTF8Locale { () throws(ArchiveError) in
      let context = digest == nil ? nil : try SHA256()
      let archive = try LibArchive(file, isFiltered: true, isRaw: true, digest: context)
      if try archive.next() != nil { try write(archive, of: file, to: sink) }
      guard let context else { return }
      archive.drain()
      let found = context.finish()
      guard found == digest else {
        throw ArchiveError("\(file.path) is not what its digest says: it is sha256:\(found), not sha256:\(digest!)")
      }
    }
  }

  /// What an archive may decompress to: what honest ones do, and of a bomb no more than a disk can bear.
  private static func limit(_ file: ArchiveFile) -> Int64 {
    let (product, overflow) = file.size.multipliedReportingOverflow(by: 200)
    return max(4 << 30, overflow ? .max : product)
  }

  private static func write(
    _ archive: LibArchive, of file: ArchiveFile, to sink: ContentSink
  ) throws(ArchiveError) {
    let limit = limit(file)
    var isTooLarge = false
    var failure: Errno?
    let end: Int64
    do throws(Errno) {
      end = try archive.readData { (piece, offset) throws(Errno) in
        isTooLarge = offset + Int64(piece.count) > limit
        if isTooLarge { throw .fileTooLarge }
        do throws(Errno) { try sink.put(piece, at: offset) } catch {
          failure = error
          throw error
        }
      }
    } catch {
      if isTooLarge {
        throw ArchiveError(
          "\(file.path) decompresses to more than \(limit >> 30) GiB, over 200 times its size; "
            + "if it is no attack, decompress it yourself and name the plain tar file")
      }
      if failure == ContentSink.difference { throw .difference }
      if let failure { throw ArchiveError("cannot write what \(file.path) decompresses to: \(failure)") }
      throw archive.failure()
    }
    do throws(Errno) { try sink.finish(size: end) } catch {
      if error == ContentSink.difference { throw .difference }
      throw ArchiveError("cannot write what \(file.path) decompresses to: \(error)")
    }
  }

  // MARK: Entries

  /// Adds what the archive has to a tree.
  /// - Parameter isLayer: names that begin with `.wh.` remove what earlier layers had.
  func index(into builder: TreeBuilder, store: UInt32, isLayer: Bool = false) throws(ArchiveError) {
    try withUTF8Locale { () throws(ArchiveError) in
      do throws(ArchiveError) {
        let archive = try LibArchive(file)
        while let entry = try archive.next() {
          try builder.meet()
          guard let path = archive.path(entry) else { throw ArchiveError("a name cannot be read") }
          if isLayer, try whiteOut(path, builder) { continue }
          try add(entry, path, of: archive, to: builder, store)
        }
      } catch {
        if error.description.hasPrefix(file.path) { throw error }
        throw ArchiveError("\(file.path) cannot be used: \(error)")
      }
    }
  }

  private func add(
    _ entry: OpaquePointer, _ path: [UInt8], of archive: LibArchive, to builder: TreeBuilder, _ store: UInt32
  ) throws(ArchiveError) {
    if let target = archive.hardLink(entry) { return try builder.link(path, to: target) }
    var node = archive.node(entry)
    switch node.type {
    case FileType.regular:
      node.size = archive.size(entry)
      guard node.size >= 0 else { throw ArchiveError("\(printable(path)) has a size below zero") }
      node.store = store
      node.content = UInt64(archive.position)
    case FileType.directory, FileType.fifo, FileType.socket, FileType.link: break
    // Devices are the host's to give.
    default: return
    }
    let attributes = archive.attributes(entry)
    if !attributes.isEmpty { node.attributes = try builder.append(attributes: attributes) }
    try builder.add(path, node, target: node.isLink ? archive.symbolicLink(entry) ?? [] : [])
  }

  /// The OCI image specification's whiteouts, layer.md.
  private func whiteOut(_ path: [UInt8], _ builder: TreeBuilder) throws(ArchiveError) -> Bool {
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    let name = path[start...]
    guard name.starts(with: ".wh.".utf8) else { return false }
    if name.elementsEqual(".wh..wh..opq".utf8) {
      try builder.makeOpaque(path[..<start])
    } else if !name.starts(with: ".wh..wh.".utf8), name.count > 4 {
      try builder.whiteOut(path[..<start] + name.dropFirst(4))
    }
    return true
  }

  // MARK: Contents

  func copy(_ content: UInt64, path: [UInt8], to sink: ContentSink) throws(Errno) {
    try withUTF8Locale { () throws(Errno) in
      let archive: LibArchive
      let entry: OpaquePointer?
      do throws(ArchiveError) {
        archive = try LibArchive(file, at: Int64(clamping: content))
        entry = try archive.next()
      } catch { throw .ioError }
      guard let entry, archive.node(entry).isRegular else { throw .ioError }
      _ = try archive.readData { (piece, offset) throws(Errno) in try sink.put(piece, at: offset) }
      try sink.finish(size: archive.size(entry))
    }
  }
}
