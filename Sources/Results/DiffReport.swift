import Glibc
import Inspect
import SystemPackage
import Tracing

/// What applying a run would change on the host, as git shows differences.
struct DiffReport {
  private let finder: ChangeFinder
  private let directory = Display.currentDirectory
  private let output: OutputBuffer
  private static let largestText = 8 << 20

  init(_ finder: ChangeFinder, to output: OutputBuffer) {
    self.finder = finder
    self.output = output
  }

  private struct Sides {
    var old: [UInt8]?
    var new: [UInt8]?
    var oldSize: Int64
    var newSize: Int64
    /// Without text to compare.
    var isBinary: Bool
  }

  private func name(_ change: Change) -> [UInt8] { Display.path(change.place.fullPath, from: directory) }

  /// Contents of a file, the target of a link; empty for nothing.
  private func sides(_ change: Change) throws(TraceError) -> Sides {
    do throws(Errno) {
      var (old, new): ([UInt8]?, [UInt8]?) = ([], [])
      if let status = change.old {
        switch UInt32(status.st_mode) & S_IFMT {
        case S_IFREG:
          let file = try change.place.root.directory.open(file: change.place.path)
          defer { close(file.rawValue) }
          old = try FileContents.all(file, limit: Self.largestText)
        case S_IFLNK: old = try change.place.root.directory.linkTarget(change.place.path)
        default: break
        }
      }
      if let found = change.new {
        switch found.type {
        case S_IFREG:
          let file = try finder.view.open(found)
          defer { close(file.rawValue) }
          new = try FileContents.all(file, limit: Self.largestText)
        case S_IFLNK: new = try finder.view.linkTarget(found)
        default: break
        }
      }
      func isBinary(_ bytes: [UInt8]?) -> Bool { bytes?.prefix(8000).contains(0) ?? true }
      return Sides(
        old: old, new: new, oldSize: Int64(change.old?.st_size ?? 0), newSize: change.new?.size ?? 0,
        isBinary: isBinary(old) || isBinary(new))
    } catch { throw TraceError("cannot read \(Display.text(change.place.fullPath)): \(error)") }
  }

  // MARK: Text

  func text(_ changes: [Change]) throws {
    for change in changes {
      heading(change)
      let isFile = change.new.map { !$0.isDirectory } ?? true
      if change.kind != .mode, isFile { try body(change) }
      try output.drain()
    }
  }

  private func heading(_ change: Change) {
    let name = String(decoding: Escaping.escape(self.name(change)), as: UTF8.self)
    let isAbsolute = name.hasPrefix("/")
    output.append("diff --git \(isAbsolute ? "" : "a/")\(name) \(isAbsolute ? "" : "b/")\(name)\n")
    let new = change.new.map { Self.mode($0.type | change.newMode) }
    let old = change.old.map { Self.mode(UInt32($0.st_mode) & (S_IFMT | 0o777)) }
    switch change.kind {
    case .added: output.append("new file mode \(new ?? "")\n")
    case .removed: output.append("deleted file mode \(old ?? "")\n")
    default: if let old, let new, old != new { output.append("old mode \(old)\nnew mode \(new)\n") }
    }
    if let conflict = change.conflict { output.append("conflict: \(conflict)\n") }
    if change.holdsAuthority { output.append("not applied: \(AuthoritySearch.reason)\n") }
    if let caution = change.caution {
      output.append("\(caution.mayBeNamed ? "only by name" : "never applied"): \(caution.reason)\n")
    }
  }

  private static func mode(_ mode: UInt32) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  private func body(_ change: Change) throws {
    let sides = try sides(change)
    guard !sides.isBinary, let old = sides.old, let new = sides.new else {
      output.append("binary, \(sides.oldSize) -> \(sides.newSize) bytes\n")
      return
    }
    if old == new { return }
    let name = String(decoding: Escaping.escape(self.name(change)), as: UTF8.self)
    let (left, right) = name.hasPrefix("/") ? (name, name) : ("a/" + name, "b/" + name)
    output.append("--- \(change.old == nil ? "/dev/null" : left)\n+++ \(change.new == nil ? "/dev/null" : right)\n")
    LineDiff(old, new).forEachHunkLine { mark, line in
      guard mark != UInt8(ascii: "@") else { return output.append(Array(line)) }
      output.append(mark)
      let hasEnd = line.last == UInt8(ascii: "\n")
      output.append(LineDiff.shown(hasEnd ? line.dropLast() : line))
      output.append(hasEnd ? "\n" : "\n\\ No newline at end of file\n")
    }
  }

  // MARK: Short forms

  func nameStatus(_ changes: [Change]) throws {
    for change in changes {
      output.append("\(change.letter)\t")
      output.append(Escaping.escape(name(change)))
      output.append("\n")
      try output.drain()
    }
  }

  func stat(_ changes: [Change]) throws {
    var rows: [(name: [UInt8], text: String)] = []
    var (insertions, removals) = (0, 0)
    for change in changes {
      if change.kind == .mode || change.new?.isDirectory == true {
        rows.append((Escaping.escape(name(change)), change.kind == .mode ? "mode" : "directory"))
        continue
      }
      let sides = try sides(change)
      if !sides.isBinary, let old = sides.old, let new = sides.new {
        let difference = LineDiff(old, new)
        insertions += difference.insertions
        removals += difference.removals
        let (plus, minus) = Self.scaled(difference.insertions, difference.removals)
        let count = difference.insertions + difference.removals
        rows.append(
          (
            Escaping.escape(name(change)),
            "\(count) " + String(repeating: "+", count: plus) + String(repeating: "-", count: minus)
          ))
      } else {
        rows.append((Escaping.escape(name(change)), "Bin \(sides.oldSize) -> \(sides.newSize) bytes"))
      }
    }
    let width = rows.map(\.name.count).max() ?? 0
    for row in rows {
      output.append(" ")
      output.append(row.name + [UInt8](repeating: 0x20, count: width - row.name.count))
      output.append(" | \(row.text)\n")
      try output.drain()
    }
    guard !changes.isEmpty else { return }
    func count(_ number: Int, _ what: String, _ rest: String) -> String {
      "\(number) \(what)\(number == 1 ? "" : "s")\(rest)"
    }
    var parts = [count(changes.count, "file", " changed")]
    // As git: none of a kind is told only if there is none of the other either.
    if insertions > 0 || removals == 0 { parts.append(count(insertions, "insertion", "(+)")) }
    if removals > 0 || insertions == 0 { parts.append(count(removals, "deletion", "(-)")) }
    output.append(" " + parts.joined(separator: ", ") + "\n")
  }

  private static func scaled(_ plus: Int, _ minus: Int) -> (Int, Int) {
    let width = 50
    guard plus + minus > width else { return (plus, minus) }
    let scaled = plus * width / (plus + minus)
    return (scaled, width - scaled)
  }

  /// An object for each path: `path`, `status` (as `--name-status`), `old_mode` and `new_mode` (octal text), `old_size` and `new_size`,
  /// `binary`, `insertions` and `deletions` (null for what is no text), `conflict` and `caution` (null if there is none), `authority` (whether
  /// it holds the certificate of the run's own).
  func json(_ changes: [Change]) throws {
    var json = JSONText()
    for change in changes {
      let sides = try sides(change)
      var difference: LineDiff?
      if !sides.isBinary, let old = sides.old, let new = sides.new { difference = LineDiff(old, new) }
      json.clear()
      json.object { json in
        json.string("path", name(change))
        json.string("status", change.letter)
        json.string("old_mode", change.old.map { Array(Self.mode(UInt32($0.st_mode)).utf8) })
        json.string("new_mode", change.new.map { Array(Self.mode($0.type | change.newMode).utf8) })
        json.number("old_size", change.old.map { _ in sides.oldSize })
        json.number("new_size", change.new.map { _ in sides.newSize })
        json.flag("binary", difference == nil)
        json.number("insertions", difference?.insertions)
        json.number("deletions", difference?.removals)
        json.string("conflict", change.conflict.map { Array($0.utf8) })
        json.string("caution", change.caution.map { Array($0.reason.utf8) })
        json.flag("authority", change.holdsAuthority)
      }
      output.append(json.bytes)
      output.append("\n")
      try output.drain()
    }
  }
}
