import CArchives
import CLinux
import Glibc
import SystemPackage

/// A tar archive: its entries are found once, and contents are read from where they are in the file. A compressed one has no
/// such places; it is decompressed once, into the cache. This is what a child does (`ArchiveReader`).
struct TarArchive {
  private let file: ArchiveFile

  init(_ file: ArchiveFile) { self.file = file }
}

/// The readers of tar archives, plain or to be decompressed.
enum TarReader {
  /// - Parameter cache: where the archive is decompressed to if it must be.
  static func open(_ file: ArchiveFile, _ cache: CacheDirectory) throws(ArchiveError) -> ArchiveReader {
    if let known = try decompressed(file, cache) { return try ArchiveReader(.tar, known) }
    let reader = try ArchiveReader(.tar, file)
    return try reader.isPlain ? reader : try ArchiveReader(.tar, try decompress(file, cache, layer: nil))
  }

  /// A layer of an image, of which nothing is believed before its digest is known to be right, in the cache either.
  static func open(
    _ file: ArchiveFile, _ cache: CacheDirectory, layer: OCIImage.Layer
  ) throws(ArchiveError) -> ArchiveReader {
    if let known = try verified(file, cache, layer) { return try ArchiveReader(.tar, known) }
    return try ArchiveReader(.tar, try decompress(file, cache, layer: layer))
  }

  private static let decompressedName = "tar"

  /// One of the owner's alone, as it was made: who could write another could change all that the user runs.
  private static func decompressed(_ file: ArchiveFile, _ cache: CacheDirectory) throws(ArchiveError) -> ArchiveFile? {
    guard let known = cache.open(decompressedName) else { return nil }
    var status = stat()
    guard fstat(known.rawValue, &status) == 0, status.st_uid == geteuid(), status.st_mode == S_IFREG | 0o444 else {
      close(known.rawValue)
      cache.remove(decompressedName)
      return nil
    }
    return try ArchiveFile(known, file.path)
  }

  private static func verified(
    _ file: ArchiveFile, _ cache: CacheDirectory, _ layer: OCIImage.Layer
  ) throws(ArchiveError) -> ArchiveFile? {
    guard let known = try decompressed(file, cache) else { return nil }
    if let expected = layer.contentDigest, try SHA256.digest(of: known) == expected { return known }
    if layer.contentDigest == nil {
      do throws(ArchiveError) {
        try unpack(file, to: FileSink(comparing: known.file), digest: layer.digest)
        return known
      } catch { if !error.isDifference { throw error } }
    }
    cache.remove(decompressedName)
    return nil
  }

  private static func decompress(
    _ file: ArchiveFile, _ cache: CacheDirectory, layer: OCIImage.Layer?
  ) throws(ArchiveError) -> ArchiveFile {
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
    try unpack(file, to: FileSink(writing: content), digest: layer?.digest)
    let whole = try ArchiveFile(FileDescriptor(rawValue: dup(content.rawValue)), file.path)
    if let expected = layer?.contentDigest, try SHA256.digest(of: whole) != expected {
      throw ArchiveError(
        "\(file.path) is not what the image's configuration says: its contents are not sha256:\(expected)")
    }
    do throws(Errno) { _ = try cache.publish(content, as: decompressedName, mode: 0o444) } catch {
      throw ArchiveError("cannot make \(cache.path)/\(decompressedName): \(error)")
    }
    return whole
  }

  /// - Parameter digest: of the archive itself.
  private static func unpack(_ file: ArchiveFile, to sink: FileSink, digest: String?) throws(ArchiveError) {
    if let digest {
      let found = try SHA256.digest(of: file)
      guard found == digest else {
        throw ArchiveError("\(file.path) is not what its digest says: it is sha256:\(found), not sha256:\(digest)")
      }
    }
    try ArchiveReader(.tar, file).unpack(to: sink, limit: limit(file))
  }

  /// What an archive may decompress to: what honest ones do, and of a bomb no more than a disk can bear.
  private static func limit(_ file: ArchiveFile) -> Int64 {
    let (product, overflow) = file.size.multipliedReportingOverflow(by: 200)
    return max(4 << 30, overflow ? .max : product)
  }
}

extension TarArchive {
  /// Whether the archive is not compressed.
  var isPlain: Bool {
    get throws(ArchiveError) {
      try withUTF8Locale { () throws(ArchiveError) in
        let archive = try LibArchive(file, isFiltered: true)
        _ = try archive.next()
        return archive.isPlain
      }
    }
  }

  /// What the compression hides.
  func unpack(to sink: any ContentSink) throws(ArchiveError) {
    try withUTF8Locale { () throws(ArchiveError) in
      let archive = try LibArchive(file, isFiltered: true, isRaw: true)
      let hasData = try archive.next() != nil
      var end: Int64 = 0
      do throws(Errno) {
        if hasData { end = try archive.readData { (piece, offset) throws(Errno) in try sink.put(piece, at: offset) } }
        try sink.finish(size: end)
      } catch { throw archive.failure() }
    }
  }

  // MARK: Entries

  /// Tells what the archive has.
  func index(into output: ReaderOutput) throws(ArchiveError) {
    try withUTF8Locale { () throws(ArchiveError) in
      let archive = try LibArchive(file)
      while let entry = try archive.next() {
        guard let path = archive.path(entry) else {
          throw ArchiveError("\(file.path) cannot be used: a name cannot be read")
        }
        if let target = archive.hardLink(entry) {
          try output.link(path, to: target)
          continue
        }
        var node = archive.node(entry)
        if node.isRegular {
          node.size = archive.size(entry)
          node.content = UInt64(clamping: archive.position)
        }
        try output.add(
          path, node, target: node.isLink ? archive.symbolicLink(entry) ?? [] : [],
          attributes: archive.attributes(entry))
      }
    }
  }

  // MARK: Contents

  func copy(_ content: UInt64, to sink: any ContentSink) throws(Errno) {
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
