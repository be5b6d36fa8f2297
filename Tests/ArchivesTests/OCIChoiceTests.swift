import Testing

@testable import Archives

/// Which image of a layout is taken: manifests are written as `name platform digest`, with `-` for what is not told.
struct OCIChoiceTests {
  #if arch(arm64)
    private static let (own, other, variant) = ("linux/arm64", "linux/amd64", "linux/arm64/v9")
  #else
    private static let (own, other, variant) = ("linux/amd64", "linux/arm64", "linux/amd64/v3")
  #endif

  private static func descriptor(_ text: String) -> String {
    let fields = text.split(separator: " ").map(String.init)
    var parts = [#""digest": "sha256:\#(fields[2])""#]
    if fields[1] != "-" {
      let platform = zip(["os", "architecture", "variant"], fields[1].split(separator: "/"))
      parts.append(#""platform": {"# + platform.map { #""\#($0)": "\#($1)""# }.joined(separator: ", ") + "}")
    }
    if fields[0] != "-" { parts.append(#""annotations": {"org.opencontainers.image.ref.name": "\#(fields[0])"}"#) }
    if fields[2].hasPrefix("index") { parts.append(#""mediaType": "application/vnd.oci.image.index.v1+json""#) }
    return "{" + parts.joined(separator: ", ") + "}"
  }

  private static func index(_ descriptors: [String]) -> JSON {
    JSON(
      parsing: Array(#"{"manifests": ["#.utf8) + Array(descriptors.map(descriptor).joined(separator: ",").utf8)
        + Array("]}".utf8))!
  }

  /// The digest of what is chosen, or the message.
  private static func chosen(_ descriptors: [String], _ tag: String?, inner: [String] = []) -> String {
    let choice = OCIChoice("layout") { descriptor throws(ArchiveError) in
      let digest = descriptor["digest"]?.string ?? ""
      return digest.hasPrefix("sha256:index") ? index(inner) : JSON(parsing: Array(#"{"is": "\#(digest)"}"#.utf8))!
    }
    do throws(ArchiveError) { return try choice.manifest(index(descriptors), tag)["is"]?.string ?? "" } catch {
      return error.description
    }
  }

  @Test func platformOfThisMachineIsTaken() {
    #expect(Self.chosen(["- \(Self.other) a", "- \(Self.own) b"], nil) == "sha256:b")
    #expect(Self.chosen(["v1 \(Self.other) a", "v1 \(Self.own) b"], "v1") == "sha256:b")
    #expect(Self.chosen(["- \(Self.variant) a", "- \(Self.own) b"], nil) == "sha256:b")
    #expect(Self.chosen(["- unknown/unknown a", "- \(Self.own) b"], nil) == "sha256:b")
    #expect(Self.chosen(["- - index"], nil, inner: ["- \(Self.other) a", "- \(Self.own) b"]) == "sha256:b")
    #expect(Self.chosen(["- - a"], nil) == "sha256:a")
  }

  @Test func otherPlatformsAreNamed() {
    for message in [
      Self.chosen(["- \(Self.other) a", "- linux/s390x b"], nil), Self.chosen(["v1 \(Self.other) a"], "v1"),
      Self.chosen(["- - index"], nil, inner: ["- \(Self.other) a"]), Self.chosen(["- \(Self.variant) a"], nil),
    ] {
      #expect(message.contains("has no image for \(Self.own); it has: linux/"), "\(message)")
    }
  }

  @Test func digestIsAnImageForWhateverMachine() {
    #expect(Self.chosen(["v1 \(Self.other) a", "v1 \(Self.own) b"], "sha256:a") == "sha256:a")
    #expect(Self.chosen(["- - index"], "sha256:a", inner: ["- \(Self.other) a", "- \(Self.own) b"]) == "sha256:a")
    #expect(Self.chosen(["- - a"], "sha256:c").contains("has no image sha256:c; it has: sha256:a"))
  }

  @Test func imagesAreToldApart() {
    #expect(Self.chosen(["v1 - a", "v2 - b"], nil).contains("several images; name one of them with a tag: v1, v2"))
    #expect(Self.chosen(["v1 - a", "v1 - b"], "v1").contains("name one of them with a tag: sha256:a, sha256:b"))
    #expect(Self.chosen(["- - a", "- - b"], nil).contains("name one of them with a tag: sha256:a, sha256:b"))
    #expect(Self.chosen(["v1 - a", "latest - a"], nil) == "sha256:a")
    #expect(Self.chosen([], nil).contains("has no image"))
  }
}
