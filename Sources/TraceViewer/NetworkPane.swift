import Inspect
import Tracing

typealias NetworkLine = ProcessActivity.Connection

extension ViewerState {
  func networkLines(_ process: RunProcess) -> [NetworkLine] {
    let lines = activity[process.pid].connections
    let search = paneSearch
    guard !search.isEmpty else { return lines }
    return lines.filter { search.matches([Array(addressText($0.address).utf8)]) }
  }

  func addressText(_ address: [UInt8]) -> String {
    // What could not be shown is escaped already.
    let text = address.withUnsafeBufferPointer { SocketAddress.text($0) }
    return glyphs.pieces(text, isLiteral: true).map(\.text).joined()
  }

  func spans(_ line: NetworkLine) -> [Span] {
    let (word, ink): (String, Style.Ink) =
      switch line.kind {
      case .bind: ("bind", .accent)
      case .accept: ("accept", .good)
      default: ("connect", .warning)
      }
    return [
      Span(text: word.padded(to: 9), style: Style(ink)),
      Span(text: addressText(line.address)),
      Span(text: "  descriptor \(line.descriptor)", style: .dim),
      Span(text: "  +\(Units.seconds(run.elapsed(line.time))) s", style: .dim),
      Span(text: line.count > 1 ? "  \(Format.grouped(line.count)) times" : "", style: .dim),
    ]
  }
}
