@testable import VirtualKernel

/// Reads a lower directory and the run's layer as overlayfs would: what somebody finds who has only the files.
struct OverlayReader {
  let lower: Node

  /// A line per file: path, type, and contents.
  func snapshot(_ upper: Node) -> [String] {
    var lines: [String] = []
    visit("", upper, lower, &lines)
    return lines
  }

  private func visit(_ path: String, _ upper: Node?, _ lower: Node?, _ lines: inout [String]) {
    var below = lower?.isDirectory == true ? lower : nil
    if let upper {
      if upper.attributes[Array("user.overlay.opaque".utf8)] != nil {
        below = nil
      } else if let origin = upper.attributes[Array("user.overlay.redirect".utf8)] {
        below = self.lower.at(String(decoding: origin, as: UTF8.self))
      }
    }
    let node = upper ?? lower!
    guard node.isDirectory else {
      lines.append("\(path) \(String(node.kind, radix: 8)) \(String(decoding: node.target, as: UTF8.self))\(node.text)")
      return
    }
    lines.append("\(path) \(String(node.kind, radix: 8)) ")
    var names = Set((upper?.entries ?? []).map(\.name))
    names.formUnion((below?.entries ?? []).map(\.name))
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let above = upper?.child(name)
      if above?.isWhiteout == true { continue }
      visit(
        "\(path)/\(String(decoding: name, as: UTF8.self))", above,
        above == nil || above!.isDirectory ? below?.child(name) : nil, &lines)
    }
  }
}
