import Foundation
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// Sequences of calls that nobody thought of, with the real kernel as the oracle.
struct RandomCallsTests {
  /// One machine and one directory of Linux that hold the same files.
  private final class Pair {
    let machine: Machine
    let oracle = LinuxOracle()
    let lower: Node
    var random: Generator
    var history: [String] = []
    var hasFailed = false

    init(seed: UInt64, hasLinks: Bool) throws {
      random = Generator(state: seed)
      var generator = random
      lower = Node(Volume(device: 1, isReadOnly: false), mode: FileType.directory | 0o755)
      let lower = lower
      // Links across layers are not one file, and would be in the merged tree.
      let layers = hasLinks ? 1 : Int.random(in: 1...2, using: &generator)
      machine = try Machine(
        sources: (0..<layers).map { _ in
          .init("/") { layer in
            Self.fill(layer.directory("o/w"), depth: 0, &generator)
            if hasLinks { Self.addLinks(layer.directory("o/w")) }
            if layers == 1 { lower.entries = layer.entries } else { Self.merge(layer, under: lower) }
          }
        })
      random = generator
      Self.copy(lower.at("o")!, to: oracle.root + "/o")
      // Only what is in `o` is compared; what leads out of it finds nothing on either side.
      try machine.changeDirectory("/o/w")
      _ = oracle.changeDirectory("o/w")
    }

    private static func fill(_ node: Node, depth: Int, _ random: inout Generator) {
      for name in ["a", "b", "c", "d"] {
        switch Int.random(in: 0..<(depth < 2 ? 6 : 4), using: &random) {
        case 0: node.file(name, "lower \(name)", mode: [0o644, 0o755].randomElement(using: &random)!)
        case 1: node.link(name, to: ["a", "b/c", "../d", ".", "nowhere"].randomElement(using: &random)!)
        case 4, 5: fill(node.directory(name), depth: depth + 1, &random)
        default: break
        }
      }
    }

    /// Adds what a lower layer has and a higher one does not hide.
    private static func merge(_ layer: Node, under merged: Node) {
      for (name, child) in layer.entries {
        let known = merged.child(name)
        guard child.isDirectory else {
          if known == nil { merged.insert(name, child) }
          continue
        }
        if known?.isDirectory == false { continue }
        merge(child, under: known ?? merged.directory(String(decoding: name, as: UTF8.self)))
      }
    }

    private static func addLinks(_ node: Node) {
      let file = node.file("file", "linked")
      node.hardLink("link", to: file)
      node.directory("far")
      node.hardLink("far/link", to: file)
    }

    private static func copy(_ node: Node, to path: String) {
      var made: [ObjectIdentifier: String] = [:]
      func visit(_ node: Node, _ path: String) {
        switch node.kind {
        case FileType.directory:
          mkdir(path, 0o755)
          for (name, child) in node.entries { visit(child, path + "/" + String(decoding: name, as: UTF8.self)) }
        case FileType.symbolicLink: symlink(String(decoding: node.target, as: UTF8.self), path)
        default:
          if let other = made[ObjectIdentifier(node)] {
            link(other, path)
            return
          }
          made[ObjectIdentifier(node)] = path
          let descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, node.permissions)
          write(descriptor, node.bytes, node.bytes.count)
          fchmod(descriptor, node.permissions)
          close(descriptor)
        }
      }
      visit(node, path)
    }

    func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &random)! }

    func path() -> String {
      var parts = (0..<Int.random(in: 1...3, using: &random)).map { _ in pick(["a", "b", "c", "d"]) }
      switch Int.random(in: 0..<12, using: &random) {
      case 0: parts.append("")
      case 1: parts.insert(".", at: 0)
      case 2: parts.append("..")
      case 3: parts = [pick(["file", "link", "far/link", "far"])]
      default: break
      }
      return parts.joined(separator: "/")
    }

    func compare(_ name: String, _ reply: Reply, _ linux: Int32) {
      var errno: Int32 = 0
      if case .error(let error) = reply { errno = error.rawValue }
      history.append("\(name): \(errno)")
      if errno != linux {
        hasFailed = true
        let recent = history.suffix(60).joined(separator: "\n")
        Issue.record("\(name): \(Errno(rawValue: errno)), on Linux \(Errno(rawValue: linux))\n\(recent)")
      }
    }
  }

  private func step(_ pair: Pair) throws {
    let machine = pair.machine
    let oracle = pair.oracle
    let path = pair.path()
    switch Int.random(in: 0..<23, using: &pair.random) {
    case 0, 1:
      pair.compare("mkdir \(path)", machine.call(.mkdirat, currentDirectory, path, 0o755), oracle.mkdir(path, 0o755))
    case 2:
      pair.compare(
        "rmdir \(path)", machine.call(.unlinkat, currentDirectory, path, AT_REMOVEDIR),
        oracle.unlink(path, AT_REMOVEDIR))
    case 3, 4:
      pair.compare("unlink \(path)", machine.call(.unlinkat, currentDirectory, path, 0), oracle.unlink(path, 0))
    case 5...9:
      let other = pair.path()
      let flags: UInt32 = pair.pick([0, 0, 0, 1, 2])
      pair.compare(
        "rename \(path) \(other) \(flags)",
        machine.call(.renameat2, currentDirectory, path, currentDirectory, other, flags),
        oracle.rename(path, other, flags))
    case 10:
      let other = pair.path()
      pair.compare(
        "link \(path) \(other)", machine.call(.linkat, currentDirectory, path, currentDirectory, other, 0),
        oracle.link(path, other))
    case 11:
      let target = pair.pick(["a", "b", "c/a", "../b", ".", "d/"])
      pair.compare(
        "symlink \(target) \(path)", machine.call(.symlinkat, target, currentDirectory, path),
        oracle.symlink(target, path))
    case 12:
      let mode: UInt32 = pair.pick([0o600, 0o755, 0o711, 0o644])
      // A directory must stay one that an ordinary user can walk, if the oracle is run by one.
      pair.compare(
        "chmod \(path)", machine.call(.fchmodat, currentDirectory, path, mode | 0o700), oracle.chmod(path, mode | 0o700)
      )
    case 13:
      let length = Int.random(in: 0...5, using: &pair.random)
      // truncate(2) of what is no regular file differs from an open for writing.
      let isFile = (try? machine.status(path).st_mode & FileType.mask == FileType.regular) ?? false
      if isFile {
        pair.compare("truncate \(path) \(length)", machine.call(.truncate, path, length), oracle.truncate(path, length))
      }
    case 14...18:
      let flags: Int32 = pair.pick([
        O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_TRUNC, O_RDONLY, O_RDONLY | O_NOFOLLOW,
        O_RDONLY | O_DIRECTORY,
        O_RDWR | O_APPEND,
      ])
      // A FIFO is opened by the guest itself, and waits.
      if (try? machine.status(path).st_mode & FileType.mask == FileType.fifo) ?? false { return }
      let reply = machine.call(.openat, currentDirectory, path, flags, 0o644)
      var keeps: Int32?
      if case .descriptor(let number) = reply {
        if flags & O_ACCMODE == O_RDWR { keeps = number } else { machine.close(number) }
      }
      pair.compare("open \(path) \(String(flags, radix: 8))", reply, oracle.open(path, flags, 0o644, as: keeps))
    case 19:
      let before = machine.process.workingDirectory
      let failure = machine.error { try machine.changeDirectory(path) }
      let linux = oracle.changeDirectory(path)
      pair.compare("chdir \(path)", failure.map { .error($0) } ?? .done, linux)
      if linux != 0 { machine.process.workingDirectory = before }
    case 20:
      pair.compare(
        "mkfifo \(path)", machine.call(.mknodat, currentDirectory, path, FileType.fifo | 0o644, 0),
        oracle.makeFIFO(path))
    default:
      try useDescriptor(pair)
    }
  }

  private func useDescriptor(_ pair: Pair) throws {
    guard let number = pair.oracle.descriptors.keys.sorted().randomElement(using: &pair.random) else { return }
    let text = pair.pick(["x", "yz"])
    if Bool.random(using: &pair.random) {
      pair.machine.write(text, to: number)
      pair.oracle.write(text, to: number)
    }
    let (own, linux) = (try pair.machine.status(of: number), pair.oracle.status(number))
    pair.history.append("use of descriptor \(number)")
    if own.st_nlink != linux.st_nlink || own.st_size != linux.st_size || own.st_mode != linux.st_mode {
      pair.hasFailed = true
      let recent = pair.history.suffix(60).joined(separator: "\n")
      Issue.record("links \(own.st_nlink), \(linux.st_nlink); size \(own.st_size), \(linux.st_size)\n\(recent)")
    }
    if Bool.random(using: &pair.random) {
      pair.machine.close(number)
      pair.oracle.close(number: number)
    }
  }

  /// What the guest sees below the root, in the form of `LinuxOracle.snapshot`.
  private func snapshot(_ machine: Machine) throws -> [String] {
    var lines: [String] = []
    var first: [UInt64: String] = [:]
    func visit(_ path: String) throws {
      let status = try machine.linkStatus(path)
      let mode = String(status.st_mode, radix: 8)
      if status.st_mode & FileType.mask == FileType.directory {
        lines.append("\(path) \(mode) \(status.st_nlink)")
        for name in try machine.names(path) { try visit("\(path)/\(name)") }
        return
      }
      let same = first[UInt64(status.st_ino)] ?? path
      first[UInt64(status.st_ino)] = same
      var contents = ""
      if status.st_mode & FileType.mask == FileType.symbolicLink { contents = try machine.target(path) }
      if status.st_mode & FileType.mask == FileType.regular { contents = try machine.text(path) }
      lines.append("\(path) \(mode) \(status.st_nlink) \(contents) = \(same)")
    }
    try visit("/o")
    return lines
  }

  private func compare(_ pair: Pair) throws {
    var own = try snapshot(pair.machine)
    var linux = pair.oracle.snapshot().filter { $0.hasPrefix("/o") }
    if pair.machine.kernel.files.lowerLayers.layers.count > 1 || !pair.oracle.countsSubdirectories {
      // Neither does a merged directory.
      let dropCount: (String) -> String = { line in
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        return fields.count == 3 ? "\(fields[0]) \(fields[1])" : line
      }
      own = own.map(dropCount)
      linux = linux.map(dropCount)
    }
    guard own != linux else { return }
    pair.hasFailed = true
    let difference = own.difference(from: linux).map { "\($0)" }.joined(separator: "\n")
    Issue.record("the trees differ\n\(difference)\n\(pair.history.suffix(60).joined(separator: "\n"))")
  }

  /// What is found by who has only the layers when the run has ended.
  private func compareLayers(_ pair: Pair) throws {
    let visible = try snapshot(pair.machine).map { line in
      let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
      let kind = String(UInt32(fields[1], radix: 8)! & FileType.mask, radix: 8)
      let contents = fields.count > 3 ? fields[3].components(separatedBy: " = ")[0] : ""
      return "\(fields[0]) \(kind) \(contents)"
    }
    let read = OverlayReader(lower: pair.lower).snapshot(pair.machine.run).filter { $0.hasPrefix("/o") }
    guard visible != read else { return }
    pair.hasFailed = true
    let difference = read.difference(from: visible).map { "\($0)" }.joined(separator: "\n")
    Issue.record("the layer on the host differs\n\(difference)\n\(pair.history.suffix(60).joined(separator: "\n"))")
  }

  @Test(arguments: 1...12)
  func endAsOnLinux(_ seed: UInt64) throws {
    let hasLinks = seed % 3 == 0
    let pair = try Pair(seed: seed &* 7919, hasLinks: hasLinks)
    try compare(pair)
    for round in 0..<200 where !pair.hasFailed {
      try step(pair)
      if round % 20 == 19 {
        try compare(pair)
        // Of a lower file of several names, those that nobody looked up keep the old contents in the layer, as in overlayfs.
        if !hasLinks { try compareLayers(pair) }
      }
    }
  }
}
