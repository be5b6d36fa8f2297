import Testing

@testable import Archives

struct TreeBuilderTests {
  private static let file = Node(mode: FileType.regular | 0o644)

  private static func file(_ content: UInt64) -> Node {
    var node = file
    node.content = content
    return node
  }

  private static func build(_ body: (TreeBuilder) throws(ArchiveError) -> Void) throws(ArchiveError) -> TreeIndex {
    let builder = TreeBuilder()
    try body(builder)
    return builder.finish()
  }

  @Test func pathsLeadToTheirFiles() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      try builder.add("./a/b/c".utf8, Self.file(1))
      try builder.add("a//b/./d/".utf8, Self.file(2))
      try builder.add("/top".utf8, Self.file(3))
    }
    #expect(tree.content("a/b/c") == 1)
    #expect(tree.content("a/b/d") == 2)
    #expect(tree.content("top") == 3)
    #expect(tree.find("a/b")?.isDirectory == true)
    #expect(tree.find("")?.isDirectory == true)
    for missing in ["a/x", "b", "top/x", "a/b/c/d", "a/b/cc"] {
      #expect(tree.find(missing) == nil, "\(missing)")
    }
  }

  @Test func listingsAreSorted() throws {
    let names = ["b", "a", "ab", "\u{e9}", "B", "a.b", "0", "z"]
    let tree = try Self.build { builder throws(ArchiveError) in
      for name in names { try builder.add("d/\(name)".utf8, Self.file) }
    }
    #expect(tree.names("d") == names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    #expect(tree.names("") == ["d"])
  }

  @Test func linksAreCounted() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      try builder.add("a".utf8, Self.file(7))
      try builder.link("d/b".utf8, to: "a".utf8)
      try builder.link("c".utf8, to: "./d/b".utf8)
      try builder.add("d/e/f".utf8, Self.file)
    }
    #expect(tree.content("c") == 7)
    #expect(tree.find("a")?.links == 3)
    #expect(tree.find("d")?.links == 3)
    #expect(tree.find("")?.links == 3)
    #expect(tree.find("d/e/f")?.links == 1)
  }

  @Test func laterFileTakesTheNameAndLeavesOtherNames() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      try builder.add("a".utf8, Self.file(1))
      try builder.link("b".utf8, to: "a".utf8)
      try builder.add("a".utf8, Self.file(2))
    }
    #expect(tree.content("a") == 2)
    #expect(tree.content("b") == 1)
    #expect(tree.find("b")?.links == 1)
  }

  @Test func directoryIsNamedAfterItsFiles() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      try builder.add("d/f".utf8, Self.file(1))
      try builder.add("d".utf8, Node(mode: FileType.directory | 0o700, uid: 5))
      try builder.add("".utf8, Node(mode: FileType.directory | 0o711))
    }
    #expect(tree.find("d")?.mode == FileType.directory | 0o700)
    #expect(tree.find("d")?.uid == 5)
    #expect(tree.find("")?.mode == FileType.directory | 0o711)
    #expect(tree.content("d/f") == 1)
  }

  @Test func attributesOfUsersAreKept() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      var node = Self.file
      node.attributes = try builder.append(attributes: [
        (Array("user.a".utf8), [1, 2]), (Array("security.capability".utf8), [3]), (Array("user.empty".utf8), []),
      ])
      try builder.add("f".utf8, node)
      try builder.add("g".utf8, Self.file)
    }
    let found = tree.attributes(try #require(tree.index("f")))
    #expect(found.map { String(decoding: $0.name, as: UTF8.self) } == ["user.a", "user.empty"])
    #expect(found.map { Array($0.value) } == [[1, 2], []])
    #expect(tree.attributes(try #require(tree.index("g"))).isEmpty)
  }

  @Test(arguments: [
    "..", "a/..", "../a", "a/../../b", String(repeating: "n", count: 256), String(repeating: "d/", count: 2048), "a\0b",
  ])
  func pathsThatAreRefused(_ path: String) {
    #expect(throws: ArchiveError.self) { try TreeBuilder().add(path.utf8, Self.file) }
    #expect(throws: ArchiveError.self) { try TreeBuilder().whiteOut(path.utf8) }
  }

  @Test func contradictionsAreRefused() throws {
    let builder = TreeBuilder()
    try builder.add("file".utf8, Self.file)
    try builder.add("d/x".utf8, Self.file)
    try builder.add("link".utf8, Node(mode: FileType.link), target: Array("d".utf8))
    #expect(throws: ArchiveError.self) { try builder.add("file/x".utf8, Self.file) }
    #expect(throws: ArchiveError.self) { try builder.add("link/x".utf8, Self.file) }
    #expect(throws: ArchiveError.self) { try builder.add("d".utf8, Self.file) }
    #expect(throws: ArchiveError.self) { try builder.add("file".utf8, .directory) }
    #expect(throws: ArchiveError.self) { try builder.add("".utf8, Self.file) }
    #expect(throws: ArchiveError.self) { try builder.link("l".utf8, to: "d".utf8) }
    #expect(throws: ArchiveError.self) { try builder.link("l".utf8, to: "missing".utf8) }
    #expect(throws: ArchiveError.self) { try builder.link("l".utf8, to: "link/x".utf8) }
    #expect(throws: ArchiveError.self) { try builder.add("l".utf8, Node(mode: FileType.link)) }
  }

  @Test func layersReplaceAndHide() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      builder.beginLayer(1)
      for (number, path) in ["keep", "gone", "d/a", "d/b", "o/x", "o/y/z", "file", "dir/x"].enumerated() {
        try builder.add(path.utf8, Self.file(UInt64(number)))
      }
      try builder.add("lib".utf8, Node(mode: FileType.link), target: Array("/usr/./lib".utf8))
      try builder.add("usr/lib/one".utf8, Self.file)
      builder.beginLayer(2)
      try builder.add("keep".utf8, Self.file(100))
      try builder.whiteOut("gone".utf8)
      try builder.whiteOut("never".utf8)
      try builder.whiteOut("d/a".utf8)
      try builder.add("o/new".utf8, Self.file)
      try builder.add("o/y/new".utf8, Self.file)
      try builder.makeOpaque("o".utf8)
      try builder.add("file/inside".utf8, Self.file)
      try builder.add("dir".utf8, Self.file(200))
      try builder.add("lib/two".utf8, Self.file)
    }
    #expect(tree.content("keep") == 100)
    #expect(tree.find("gone") == nil)
    #expect(tree.names("d") == ["b"])
    #expect(tree.names("o") == ["new", "y"])
    #expect(tree.names("o/y") == ["new"])
    #expect(tree.names("file") == ["inside"])
    #expect(tree.content("dir") == 200)
    #expect(tree.names("usr/lib") == ["one", "two"])
    #expect(tree.find("lib")?.isLink == true)
  }

  @Test func linkOfAnEarlierLayerNeverLeadsOut() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      builder.beginLayer(1)
      try builder.add("up".utf8, Node(mode: FileType.link), target: Array("../../../../etc".utf8))
      try builder.add("loop".utf8, Node(mode: FileType.link), target: Array("loop".utf8))
      builder.beginLayer(2)
      try builder.add("up/f".utf8, Self.file(1))
      try builder.add("loop/f".utf8, Self.file(2))
    }
    #expect(tree.content("etc/f") == 1)
    #expect(tree.content("loop/f") == 2)
  }

  @Test func layersReachThroughLinks() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      builder.beginLayer(1)
      try builder.add("usr/lib/old".utf8, Self.file(1))
      try builder.add("usr/lib/kept".utf8, Self.file(2))
      try builder.add("usr/lib/m/old".utf8, Self.file(3))
      try builder.add("lib".utf8, Node(mode: FileType.link), target: Array("usr/lib".utf8))
      builder.beginLayer(2)
      #expect(try builder.takeWhiteout(Array("lib/.wh.old".utf8)[...]))
      #expect(try builder.takeWhiteout(Array("lib/m/.wh..wh..opq".utf8)[...]))
      try builder.add("lib/new".utf8, Self.file(4))
      try builder.link("lib/again".utf8, to: "lib/new".utf8)
      try builder.link("lower".utf8, to: "lib/kept".utf8)
    }
    #expect(tree.names("usr/lib") == ["again", "kept", "m", "new"])
    #expect(tree.names("usr/lib/m").isEmpty)
    #expect(tree.content("usr/lib/again") == 4)
    #expect(tree.content("lower") == 2)
    #expect(tree.find("lower")?.links == 2)
  }

  @Test func oneLayerIsTakenAsItIsUnpacked() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      builder.beginLayer(1)
      try builder.add("lib".utf8, .directory)
      try builder.add("lib".utf8, Node(mode: FileType.link), target: Array("usr/lib".utf8))
      try builder.add("lib/x".utf8, Self.file(1))
      #expect(throws: ArchiveError.self) { try builder.add("lib/x/y".utf8, Self.file) }
      try builder.add("far".utf8, Node(mode: FileType.link), target: Array(repeating: UInt8(ascii: "n"), count: 300))
      #expect(throws: ArchiveError.self) { try builder.add("far/x".utf8, Self.file) }
      #expect(try builder.find("far/x".utf8) == nil)
    }
    #expect(tree.find("lib")?.isLink == true)
    #expect(tree.content("usr/lib/x") == 1)
  }

  @Test func devicesTakeNamesAndAreNotShown() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      builder.beginLayer(1)
      try builder.add("f".utf8, Self.file(1))
      builder.beginLayer(2)
      try builder.add("f".utf8, Node(mode: FileType.characterDevice | 0o600))
      try builder.link("g".utf8, to: "f".utf8)
      try builder.add("h".utf8, Self.file(2))
    }
    #expect(tree.names("") == ["h"])
  }

  @Test func filesOfAUFSAreNotShown() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      builder.beginLayer(1)
      for path in [".wh..wh.aufs", ".wh..wh.orph/x", ".wh..wh.plnk/101.7"] {
        #expect(try !builder.takeWhiteout(Array(path.utf8)[...]))
        try builder.add(path.utf8, Self.file(7))
      }
      try builder.link("bin/perl".utf8, to: ".wh..wh.plnk/101.7".utf8)
    }
    #expect(tree.names("") == ["bin"])
    #expect(tree.content("bin/perl") == 7)
    #expect(tree.find("bin/perl")?.links == 1)
    #expect(tree.find("")?.links == 3)
    let plain = try Self.build { builder throws(ArchiveError) in try builder.add(".wh..wh.aufs".utf8, Self.file) }
    #expect(plain.names("") == [".wh..wh.aufs"])
  }

  /// A few bytes that ask for hours.
  @Test func opaqueDirectoriesAreNotHiddenWithoutEnd() {
    let builder = TreeBuilder()
    builder.beginLayer(1)
    #expect(throws: ArchiveError.self) {
      for number in 0..<10_000 { try builder.add("d/\(number)".utf8, Self.file) }
      for _ in 0..<10_000 { try builder.makeOpaque("d".utf8) }
    }
  }

  @Test func manyNamesAreFoundAgain() throws {
    let tree = try Self.build { builder throws(ArchiveError) in
      for number in 0..<20_000 { try builder.add("d\(number % 100)/f\(number)".utf8, Self.file(UInt64(number))) }
    }
    for number in stride(from: 0, to: 20_000, by: 7) {
      #expect(tree.content("d\(number % 100)/f\(number)") == UInt64(number))
    }
    #expect(tree.names("d5").count == 200)
  }
}

extension TreeIndex {
  fileprivate func index(_ path: String) -> UInt32? {
    Array(path.utf8).withUnsafeBufferPointer { find($0, from: TreeIndex.root) }
  }

  fileprivate func find(_ path: String) -> Node? { index(path).map { nodes[Int($0)] } }
  fileprivate func content(_ path: String) -> UInt64? { find(path)?.content }

  fileprivate func names(_ path: String) -> [String] {
    var names: [String] = []
    guard let directory = index(path) else { return [] }
    list(directory) { name, _ in names.append(String(decoding: name, as: UTF8.self)) }
    return names
  }
}
