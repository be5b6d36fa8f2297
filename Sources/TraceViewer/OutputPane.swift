import Inspect
import Tracing

/// A line that a process printed.
struct OutputLine: Sendable, Equatable {
  /// Of its bytes, without the newline.
  var range: Range<Int>
  var descriptor: UInt32
  /// It goes on in what was not recorded.
  var isCut: Bool
}

struct OutputContent: Sendable {
  var bytes: [UInt8]
  var lines: [OutputLine]
  var sizes: (output: Int, error: Int)
  var isCut: Bool
}

extension ViewerState {
  func outputContent(_ process: RunProcess) -> OutputContent {
    let record = activity[process.pid]
    var content = OutputContent(bytes: record.bytes, lines: [], sizes: (0, 0), isCut: record.isCut)
    for (number, output) in record.outputs.enumerated() {
      let end = number + 1 < record.outputs.count ? record.outputs[number + 1].start : record.bytes.count
      if output.descriptor == 2 {
        content.sizes.error += end - output.start
      } else {
        content.sizes.output += end - output.start
      }
      if output.isCut { content.isCut = true }
      var start = output.start
      while start < end {
        let newline = record.bytes[start..<end].firstIndex(of: UInt8(ascii: "\n")) ?? end
        content.lines.append(
          OutputLine(
            range: start..<newline, descriptor: output.descriptor, isCut: output.isCut && newline >= end - 1))
        start = newline + 1
      }
    }
    let search = paneSearch
    if !search.isEmpty { content.lines.removeAll { !search.matches([record.bytes[$0.range]]) } }
    return content
  }

  func heading(_ content: OutputContent) -> [Span] {
    guard !content.bytes.isEmpty else { return [Span(text: "It printed nothing", style: .dim)] }
    var text = "stdout \(Units.bytes(UInt64(content.sizes.output))), stderr \(Units.bytes(UInt64(content.sizes.error)))"
    if content.isCut { text += ", and more that is not here" }
    return [Span(text: text, style: .dim)]
  }

  func spans(_ line: OutputLine, of content: OutputContent, width: Int) -> [Span] {
    let style = line.descriptor == 2 ? Style(.bad) : .normal
    let mark = line.descriptor == 2 ? "err " : "out "
    var spans = [Span(text: mark, style: Style(style.ink, dim: true))]
    // Only what can be seen: a line may be as long as the output.
    let shown = content.bytes[line.range].prefix((width + paneOffset) * 4)
    for piece in glyphs.pieces(expandingTabs(shown), isLiteral: true) {
      spans.append(Span(text: piece.text, style: piece.isEscape ? Style(.special) : style))
    }
    if line.isCut { spans.append(Span(text: glyphs.ellipsis, style: .dim)) }
    return spans
  }

  private func expandingTabs(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    guard bytes.contains(UInt8(ascii: "\t")) else { return Array(bytes) }
    var result: [UInt8] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\t") {
        result += repeatElement(UInt8(ascii: " "), count: 8 - result.count % 8)
      } else {
        result.append(byte)
      }
    }
    return result
  }
}
