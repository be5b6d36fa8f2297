import Glibc

/// An image of an OCI layout, chosen by its tag: the layers that it is made of.
struct OCIImage {
  struct Layer {
    /// SHA-256 in hexadecimal.
    var digest: String
    /// That of what it decompresses to, if the image tells.
    var contentDigest: String?
  }

  let layers: [Layer]

  private static let metadataLimit = 4 << 20
  private static let maximumLayers = 1000

  /// - Parameter tag: an image's name in the layout, or its digest; nil means the only image.
  init(_ layout: OCILayout, tag: String?) throws(ArchiveError) {
    let index = try Self.json(try layout.open("index.json").contents(limit: Self.metadataLimit), "index.json", layout)
    let choice = OCIChoice(layout.path) { descriptor throws(ArchiveError) in
      try Self.json(try Self.bytes(descriptor, layout), Self.blob(try Self.digest(descriptor, layout)), layout)
    }
    let manifest = try choice.manifest(index, tag)
    guard let layers = manifest["layers"]?.array, layers.count <= Self.maximumLayers else {
      throw ArchiveError("the image in \(layout.path) has no list of layers, or one that is too long")
    }
    var found: [Layer] = []
    for layer in layers {
      guard let type = layer["mediaType"]?.string, Self.isTar(type) else {
        throw ArchiveError(
          "the image in \(layout.path) has a layer of the type \(printable((layer["mediaType"]?.string ?? "").utf8)); "
            + "tar, tar+gzip and tar+zstd can be read")
      }
      found.append(Layer(digest: try Self.digest(layer, layout)))
    }
    // Of the image's configuration only this is wanted, and an image without it can be read.
    if let descriptor = manifest["config"], let bytes = try? Self.bytes(descriptor, layout),
      let digests = JSON(parsing: bytes)?["rootfs"]?["diff_ids"]?.array, digests.count == found.count
    {
      for index in found.indices { found[index].contentDigest = Self.hexadecimal(digests[index].string ?? "") }
    }
    self.layers = found
  }

  private static func isTar(_ type: String) -> Bool {
    [
      "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ].contains(type)
  }

  /// The place of a blob in its layout.
  static func blob(_ digest: String) -> String { "blobs/sha256/\(digest)" }

  private static func json(_ bytes: [UInt8], _ name: String, _ layout: OCILayout) throws(ArchiveError) -> JSON {
    guard let value = JSON(parsing: bytes) else { throw ArchiveError("\(name) of \(layout.path) is not valid JSON") }
    return value
  }

  /// `sha256:` and 64 hexadecimal digits: nothing else becomes part of a path.
  private static func digest(_ descriptor: JSON, _ layout: OCILayout) throws(ArchiveError) -> String {
    let text = descriptor["digest"]?.string ?? ""
    guard let digits = hexadecimal(text) else {
      throw ArchiveError("the image in \(layout.path) has a digest that is not sha256: \(printable(text.utf8))")
    }
    return digits
  }

  private static func hexadecimal(_ text: String) -> String? {
    let digits = text.dropFirst("sha256:".count)
    return text.hasPrefix("sha256:") && digits.utf8.count == 64
      && digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) ? String(digits) : nil
  }

  /// A small blob, which is what its digest says.
  private static func bytes(_ descriptor: JSON, _ layout: OCILayout) throws(ArchiveError) -> [UInt8] {
    let digest = try digest(descriptor, layout)
    let file = try layout.open(blob(digest))
    let bytes = try file.contents(limit: metadataLimit)
    let context = try SHA256()
    bytes.withUnsafeBytes { context.update($0) }
    guard context.finish() == digest else { throw ArchiveError("\(file.path) is not what its digest says") }
    return bytes
  }
}
