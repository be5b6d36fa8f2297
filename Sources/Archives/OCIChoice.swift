/// Which of a layout's images is meant: by its name or digest, else the one that is made for this machine.
/// Facts: the OCI image specification, image-index.md and annotations.md.
struct OCIChoice {
  private let path: String
  private let read: (JSON) throws(ArchiveError) -> JSON

  #if arch(arm64)
    private static let architecture = "arm64"
    /// The variants that are the architecture itself.
    private static let variants = ["", "v8"]
  #else
    private static let architecture = "amd64"
    private static let variants = ["", "v1"]
  #endif
  private static let maximumDepth = 4

  /// - Parameters:
  ///   - path: the layout's, for messages.
  ///   - read: hands out what a descriptor leads to.
  init(_ path: String, read: @escaping (JSON) throws(ArchiveError) -> JSON) {
    self.path = path
    self.read = read
  }

  /// - Parameter tag: nil means the only image.
  /// - Returns: the manifest of an image.
  func manifest(_ index: JSON, _ tag: String?) throws(ArchiveError) -> JSON {
    let all = index["manifests"]?.array ?? []
    guard !all.isEmpty else { throw ArchiveError("\(path) has no image") }
    guard let tag else { return try manifest(of: all, named: nil, depth: 0) }
    var named = all.filter { names($0).contains(tag) }
    if named.isEmpty, let found = try find(tag, in: all, depth: 0) { named = [found] }
    guard !named.isEmpty else {
      throw ArchiveError("\(path) has no image \(printable(tag.utf8)); it has: \(list(all))")
    }
    return try manifest(of: named, named: tag, depth: 0)
  }

  private func manifest(of all: [JSON], named tag: String?, depth: Int) throws(ArchiveError) -> JSON {
    guard depth < Self.maximumDepth else { throw ArchiveError("the indexes of \(path) are nested too deep") }
    let descriptor = try choose(all, named: tag)
    let value = try read(descriptor)
    guard let inner = value["manifests"]?.array else { return value }
    return try manifest(of: inner, named: nil, depth: depth + 1)
  }

  private func choose(_ all: [JSON], named tag: String?) throws(ArchiveError) -> JSON {
    let images = all.filter { !isAttestation($0) }
    // Who names a digest means that image, whatever it is made for.
    if images.count == 1, tag == digest(images[0]) { return images[0] }
    // What is not told may be this machine's.
    let fitting = images.filter { $0["platform"]?["architecture"] == nil || isOfThisMachine($0) }
    guard let first = fitting.first else {
      throw ArchiveError(
        "\(path) has no image for linux/\(Self.architecture); it has: "
          + images.map { "\(platform($0)) (\(printable(digest($0).utf8)))" }.joined(separator: ", "))
    }
    guard fitting.allSatisfy({ digest($0) == digest(first) }) else {
      throw ArchiveError("\(path) has several images; name one of them with a tag: \(list(fitting))")
    }
    return first
  }

  private func find(_ wanted: String, in all: [JSON], depth: Int) throws(ArchiveError) -> JSON? {
    guard wanted.hasPrefix("sha256:"), depth < Self.maximumDepth else { return nil }
    if let found = all.first(where: { digest($0) == wanted }) { return found }
    for descriptor in all where isIndex(descriptor) {
      if let found = try find(wanted, in: try read(descriptor)["manifests"]?.array ?? [], depth: depth + 1) {
        return found
      }
    }
    return nil
  }

  // MARK: Descriptors

  private func isIndex(_ descriptor: JSON) -> Bool {
    let type = descriptor["mediaType"]?.string
    return type == "application/vnd.oci.image.index.v1+json"
      || type == "application/vnd.docker.distribution.manifest.list.v2+json"
  }

  /// What buildkit says of how an image was made, beside the image.
  private func isAttestation(_ descriptor: JSON) -> Bool {
    descriptor["annotations"]?["vnd.docker.reference.type"] != nil
      || descriptor["platform"]?["architecture"]?.string == "unknown"
  }

  private func isOfThisMachine(_ descriptor: JSON) -> Bool {
    let platform = descriptor["platform"]
    return platform?["os"]?.string == "linux" && platform?["architecture"]?.string == Self.architecture
      && Self.variants.contains(platform?["variant"]?.string ?? "")
  }

  private func platform(_ descriptor: JSON) -> String {
    let parts = ["os", "architecture", "variant"].compactMap { descriptor["platform"]?[$0]?.string }
    return printable(parts.joined(separator: "/").utf8)
  }

  private func digest(_ descriptor: JSON) -> String { descriptor["digest"]?.string ?? "" }

  /// containerd keeps a whole name of its own beside the tag.
  private func names(_ descriptor: JSON) -> [String] {
    ["org.opencontainers.image.ref.name", "io.containerd.image.name"].compactMap {
      descriptor["annotations"]?[$0]?.string
    }
  }

  /// What each can be named by: a name that no other has, or the digest.
  private func list(_ descriptors: [JSON]) -> String {
    descriptors.map { descriptor in
      let own = names(descriptor).first { name in
        descriptors.allSatisfy { digest($0) == digest(descriptor) || !names($0).contains(name) }
      }
      return printable((own ?? digest(descriptor)).utf8)
    }.joined(separator: ", ")
  }
}
