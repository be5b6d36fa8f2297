import Inspect
import Tracing

/// What a process did with one version of the file at a path.
struct FileLine: Sendable, Equatable {
  /// The most that it did. Their order is that of the list.
  enum Group: Int, CaseIterable, Sendable, Comparable {
    case written, read, asked, missed

    var name: String {
      switch self {
      case .written: "written"
      case .read: "read"
      case .asked: "asked"
      case .missed: "missed"
      }
    }

    static func < (left: Group, right: Group) -> Bool { left.rawValue < right.rawValue }

    init(_ kind: EventKind) {
      switch kind {
      case .exec, .read, .list: self = .read
      case .missing: self = .missed
      default: self = kind.metaName != nil ? .written : .asked
      }
    }
  }

  var path: PathTable.ID
  var version: UInt32
  var group: Group
  /// The words for what it did, at most one each.
  var kinds: [EventKind]
  /// The process that made the version, if it is another one.
  var writer: UInt32?
}

struct FilesContent: Sendable {
  var lines: [FileLine]
  /// Of all groups, before the filter.
  var counts: [Int]
}

extension ViewerState {
  func filesContent(_ process: RunProcess) -> FilesContent {
    struct Key: Hashable {
      var path: UInt32
      var version: UInt32
    }
    var lines: [FileLine] = []
    var places: [Key: Int] = [:]
    for access in run.accesses(by: process.pid) {
      let key = Key(path: access.path.rawValue, version: access.version)
      let group = FileLine.Group(access.kind)
      if let place = places[key] {
        lines[place].group = min(lines[place].group, group)
        if !lines[place].kinds.contains(access.kind) { lines[place].kinds.append(access.kind) }
      } else {
        places[key] = lines.count
        let writer = run.origin(ofVersion: access.version)?.writer
        lines.append(
          FileLine(
            path: access.path, version: access.version, group: group, kinds: [access.kind],
            writer: writer == process.pid ? nil : writer))
      }
    }
    let counts = FileLine.Group.allCases.map { group in lines.count { $0.group == group } }
    if let fileGroup { lines.removeAll { $0.group != fileGroup } }
    let search = paneSearch
    if !search.isEmpty { lines.removeAll { !search.matches([run.paths.path(of: $0.path)]) } }
    // Within a group in the order of time.
    let ordered = lines.enumerated().sorted { ($0.element.group, $0.offset) < ($1.element.group, $1.offset) }
    return FilesContent(lines: ordered.map(\.element), counts: counts)
  }

  func heading(_ content: FilesContent) -> [Span] {
    var spans = [Span(text: "f: ", style: .dim)]
    func add(_ group: FileLine.Group?, _ text: String) {
      spans.append(Span(text: text, style: fileGroup == group ? Style(bold: true, underlined: true) : .dim))
      spans.append(Span(text: "  "))
    }
    add(nil, "all \(Format.grouped(content.counts.reduce(0, +)))")
    for group in FileLine.Group.allCases {
      add(group, "\(group.name) \(Format.grouped(content.counts[group.rawValue]))")
    }
    return spans
  }

  func spans(_ line: FileLine) -> [Span] {
    let ink: Style.Ink =
      switch line.group {
      case .written: .warning
      case .read: .good
      case .asked: .normal
      case .missed: .bad
      }
    // What an open implies need not be told.
    let told = line.kinds.filter { FileLine.Group($0) <= max(line.group, .read) }
    let words = (told.isEmpty ? line.kinds : told).map(\.word)
    var spans = [
      Span(text: words.joined(separator: ",").cut(to: 13).text.padded(to: 14), style: Style(ink)),
      Span(text: glyphs.text(run.paths.path(of: line.path)), style: line.group == .missed ? .dim : .normal),
    ]
    if line.version > 0 { spans.append(Span(text: "  v\(line.version)", style: .dim)) }
    if let writer = line.writer {
      spans.append(Span(text: " \(glyphs.arrow) \(run.number(of: writer)) \(shortName(writer))", style: Style(.accent)))
    }
    return spans
  }
}
