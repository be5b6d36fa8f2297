import RandomKit
import Testing

@testable import Network

@Suite("The path of a download")
struct RecordedPathTests {
  private static func path(_ target: String) -> String? {
    RecordedPath.components(target: Array(target.utf8))?.map { String(decoding: $0, as: UTF8.self) }.joined(
      separator: "/")
  }

  @Test(
    "is that of the URL, where it can be",
    arguments: [
      ("/", "%%index"), ("/a.txt", "a.txt"), ("/simple/pip/", "simple/pip/%%index"),
      ("/a/b-1.0+x~y_z.tar.gz", "a/b-1.0+x~y_z.tar.gz"),
      ("/A/B.txt", "A/B.txt"), ("/lodash", "lodash%%file"), ("/lodash/-/lodash-4.tgz", "lodash/-/lodash-4.tgz"),
      ("/v1.2/x.tar", "v1.2%%dir/x.tar"), ("/a%20b.txt", "a%20b.txt"), ("/a b.txt", "a%%20b.txt"),
      ("/a%2fb.txt", "a%2fb.txt"),
      ("/a%zz.txt", "a%%25zz.txt"), ("/.", "%%2e%%file"), ("/..", "%%2e%%2e%%file"), ("/../x.y", "%%2e%%2e/x.y"),
      ("/%2e%2e/x.y", "%2e%2e/x.y"), ("/...", "..."), ("//a.b", "%%nothing/a.b"),
      ("/a.b//", "a.b%%dir/%%nothing/%%index"),
      ("/a.b?", "a.b?"), ("/a?b/c", "a?b%%2fc"), ("/a?b?c", "a?b%%3fc"), ("/?x=1", "%%index?x=1"),
      ("/a.b#c", "a.b%%23c"),
      ("/requests", "requests%%file"), ("/requests/a.b", "requests%%dir/a.b"), ("/a/requests/a.b", "a/requests/a.b"),
      ("/ip4.txt", "ip4.txt%%file"), ("/ip6.txt", "ip6.txt%%file"), ("/cert.pem", "cert.pem%%file"),
      ("/names.txt", "names.txt%%file"), ("/.names.txt", ".names.txt%%file"),
      ("/x/names.txt", "x/names.txt"), ("/names.txt/x.y", "names.txt%%dir/x.y"), ("/a.git", "a.git%%file"),
      ("/a.git/x.y", "a.git%%dir/x.y"),
      ("/a\0b.c", "a%%00b.c"), ("/é.x", "%%c3%%a9.x"), ("/%%index", "%%25%%25index%%file"),
    ])
  func components(_ target: String, _ path: String) { #expect(Self.path(target) == path) }

  @Test(
    "is none",
    arguments: [
      "", "*", "a", "http://a/b", "?a", String(repeating: "/a", count: 65),
      String(repeating: "/" + String(repeating: "a", count: 200), count: 20),
    ])
  func none(_ target: String) { #expect(Self.path(target) == nil) }

  @Test("is 64 deep at most")
  func deepest() {
    #expect(RecordedPath.components(target: Array(String(repeating: "/a", count: 64).utf8))?.count == 64)
  }

  @Test(
    "of a mirror ends in .git",
    arguments: [
      ("/a/b", "a/b.git"), ("/a/b.git", "a/b.git"), ("/a/b.git/", "a/b.git"), ("/a.git/b", "a.git%%dir/b.git"),
      ("/..", "%%2e%%2e.git"),
      ("/-o.git", "-o.git"), ("/requests", "requests.git"), ("/a.git.git", "a.git.git"),
    ])
  func mirror(_ path: String, _ expected: String) {
    #expect(
      RecordedPath.mirror(path: Array(path.utf8)).map {
        $0.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
      } == expected)
  }

  @Test("of no repository", arguments: ["", "/", "a", "/.git", "/a/.git"])
  func noMirror(_ path: String) { #expect(RecordedPath.mirror(path: Array(path.utf8)) == nil) }

  @Test("is never another's, and never both a file and a directory")
  func injective() {
    var random = SeededGenerator(seed: 9)
    let bytes: [UInt8] = Array("ab./.?%2e~-".utf8) + [0, 0xff, 0x20]
    var files: [[[UInt8]]: [UInt8]] = [:]
    var directories: Set<[[UInt8]]> = []
    for round in 0..<5_000 {
      let target =
        [0x2f] + (0..<Int.random(in: 0...7, using: &random)).map { _ in bytes.randomElement(using: &random)! }
        + (round % 20 == 0 ? random.bytes(0...400) : [])
      guard let components = RecordedPath.components(target: target) else { continue }
      #expect(files.updateValue(target, forKey: components) ?? target == target)
      for count in 1..<max(2, components.count) where count < components.count {
        directories.insert(Array(components.prefix(count)))
      }
      for component in components {
        #expect((1...255).contains(component.count) && component != [0x2e] && component != [0x2e, 0x2e])
        #expect(!component.contains(0) && !component.contains(0x2f))
      }
      if let mirror = RecordedPath.mirror(path: target) { #expect(files[mirror] == nil) }
      #expect(
        !["requests", "ip4.txt", "ip6.txt", "cert.pem", "names.txt", "connections.txt", "streams"].contains(
          String(decoding: components[0], as: UTF8.self)))
    }
    #expect(files.count > 3_000 && directories.count > 100)
    #expect(directories.isDisjoint(with: files.keys))
  }

  @Test("has a digest in parts that are too long")
  func long() throws {
    let long = [UInt8](repeating: 0x61, count: 300)
    let file = try #require(RecordedPath.components(target: [0x2f] + long + Array("/".utf8) + long))
    #expect(file.map(\.count) == [255, 255])
    let other = try #require(RecordedPath.components(target: [0x2f] + long + Array("/".utf8) + long + [0x62]))
    #expect(file[0] == other[0] && file[1] != other[1])
    let query = try #require(
      RecordedPath.components(target: Array("/a?".utf8) + [UInt8](repeating: 0x20, count: 10_000)))
    #expect(query.map(\.count) == [255])
    let mirror = try #require(RecordedPath.mirror(path: [0x2f] + long))
    #expect(mirror[0].count == 255 && mirror[0].suffix(4).elementsEqual(".git".utf8))
  }
}
