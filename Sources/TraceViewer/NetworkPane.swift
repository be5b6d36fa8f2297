import Inspect
import Tracing

typealias NetworkLine = ProcessActivity.Connection

extension ViewerState {
  func networkLines(_ process: RunProcess) -> [NetworkLine] {
    let lines = activity[process.pid].connections
    let search = paneSearch
    guard !search.isEmpty else { return lines }
    return lines.filter { search.matches([Array(SocketAddress.text($0.address, glyphs).utf8)]) }
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
      Span(text: SocketAddress.text(line.address, glyphs)),
      Span(text: "  descriptor \(line.descriptor)", style: .dim),
      Span(text: "  +" + Format.duration(UInt64(max(0, run.elapsed(line.time)))), style: .dim),
      Span(text: line.count > 1 ? "  \(Format.grouped(line.count)) times" : "", style: .dim),
    ]
  }
}
