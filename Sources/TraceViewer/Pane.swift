import Inspect

/// A piece of a line in one style.
struct Span: Sendable, Equatable {
  var text: String
  var style = Style.normal
}

/// What the details of a process list, extracted so that it holds no copy of the run.
enum PaneContent: Sendable {
  case empty
  case summary([[Span]])
  case environment(EnvironmentContent)
  case files(FilesContent)
  case network(NetworkContent)
  case output(OutputContent)

  /// The number of lines.
  var count: Int {
    switch self {
    case .empty: 0
    case .summary(let lines): lines.count
    case .environment(let content): content.lines.count
    case .files(let content): content.lines.count
    case .network(let content): content.lines.count
    case .output(let content): content.lines.count
    }
  }
}

extension ViewerState {
  var paneSearch: TextSearch { TextSearch(paneFilters[tab.rawValue].text) }

  /// Makes the content of the tab that is shown, for the process that is selected.
  mutating func refreshPane() {
    guard let process = current else {
      pane = .empty
      return
    }
    switch tab {
    case .summary: pane = .summary(summaryLines(process))
    case .environment: pane = .environment(environmentContent(process))
    case .files: pane = .files(filesContent(process))
    case .network: pane = .network(networkContent(process))
    case .output: pane = .output(outputContent(process))
    }
    panePosition.select(panePosition.selected, count: pane.count)
  }

  /// A line of the pane, from its left end on.
  /// - Parameter width: more than so many cells are not seen.
  func paneLine(_ index: Int, width: Int) -> [Span] {
    switch pane {
    case .empty: []
    case .summary(let lines): lines[index]
    case .environment(let content): spans(content.lines[index], width: width)
    case .files(let content): spans(content.lines[index])
    case .network(let content): spans(content.lines[index])
    case .output(let content): spans(content.lines[index], of: content, width: width)
    }
  }

  /// What stands over the lines of the pane.
  var paneHeading: [Span] {
    switch pane {
    case .empty: [Span(text: "No process is selected", style: .dim)]
    case .summary: []
    case .environment(let content): heading(content)
    case .files(let content): heading(content)
    case .network(let content): heading(content)
    case .output(let content): heading(content)
    }
  }

  /// A line of the pane as text to copy.
  func copyText(ofLine index: Int) -> CopyText? {
    switch pane {
    case .environment(let content):
      guard let value = content.lines[index].value else { return nil }
      return CopyText("the variable", glyphs.quoted(content.lines[index].name + [UInt8(ascii: "=")] + value))
    case .files(let content): return CopyText("the path", glyphs.quoted(run.paths.path(of: content.lines[index].path)))
    case .network(let content):
      let line = content.lines[index]
      return CopyText(line.group == .requests ? "the URL" : "the address", text(line))
    case .output(let content): return CopyText("the line", glyphs.text(content.bytes[content.lines[index].range]))
    case .summary, .empty: return nil
    }
  }
}

/// Text that is copied, and what it is.
struct CopyText: Sendable, Equatable {
  var what: String
  var text: String

  init(_ what: String, _ text: String) {
    self.what = what
    self.text = text
  }
}
