import SystemPackage
import Tracing

extension ComparisonReport {
  /// One object:
  ///
  ///     {"same","settings":[{"name","first","second"}],
  ///      "processes":[{"first","second","command","culprit","inputs":[...],"outputs":[...]}],
  ///      "onlyFirst":[...],"onlySecond":[...],
  ///      "files":[{"path","inFirst","inSecond","first","second","culprit","origin","contents":[...],"diffoscope"}]}
  ///
  /// A file's state in a run is "written", "removed", "unchanged" or "absent". Processes are told by their numbers in each run, in the
  /// order of the text; one with dots is a string. An input or output is `{"kind","path","process",
  /// "variables"}`, of which the latter are null or empty where the kind has none. What differs in a file is
  /// `{"place":[...],"kind","name","first","second","offset","sizes":[...],"lines":[{"mark","text"}],"reason"}`: the names that lead
  /// there from the outside, and what is null or empty where the kind has none.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    line.object { line in
      line.flag("same", comparison.isEmpty)
      line.array("settings") { line in
        for setting in settings {
          line.object { line in
            line.string("name", setting.name)
            line.string("first", setting.first)
            line.string("second", setting.second)
          }
        }
      }
      line.array("processes") { line in for process in comparison.byImportance { tell(process, &line) } }
      line.array("onlyFirst") { line in for pid in comparison.onlyFirst { line.process(nil, first(pid)) } }
      line.array("onlySecond") { line in for pid in comparison.onlySecond { line.process(nil, second(pid)) } }
      line.array("files") { line in for file in comparison.files { tell(file, &line) } }
    }
    output.append(line.bytes)
    try output.endLine()
  }

  private func first(_ pid: UInt32) -> ProcessNumber { comparison.firstHistory.number(of: pid) }
  private func second(_ pid: UInt32) -> ProcessNumber { comparison.secondHistory.number(of: pid) }

  private func tell(_ process: TraceComparison.Process, _ line: inout JSONText) {
    line.object { line in
      line.process("first", first(process.first))
      line.process("second", second(process.second))
      line.string("command", comparison.firstHistory[process.first].map { comparison.firstHistory.command(of: $0) })
      line.flag("culprit", process.isCulprit)
      line.array("inputs") { line in for difference in process.inputs { tell(difference, &line) } }
      line.array("outputs") { line in for difference in process.outputs { tell(difference, &line) } }
    }
  }

  private func tell(_ file: TraceComparison.File, _ line: inout JSONText) {
    line.object { line in
      line.string("path", file.path)
      line.string("inFirst", Array(file.fates.first.rawValue.utf8))
      line.string("inSecond", Array(file.fates.second.rawValue.utf8))
      line.process("first", file.first.map(first))
      line.process("second", file.second.map(second))
      line.process("culprit", file.culprit.map(first))
      line.process("origin", file.origin.map(first))
      line.array("contents") { line in for finding in comparison.contents(of: file) { tell(finding, &line) } }
      line.string("diffoscope", diffoscope?.report(on: file))
    }
  }

  private func tell(_ difference: TraceComparison.Difference, _ line: inout JSONText) {
    var path: [UInt8]?
    var process: UInt32?
    var variables: [[UInt8]] = []
    let kind: String
    switch difference {
    case .arguments: kind = "arguments"
    case .directory: kind = "directory"
    case .environment(let names): (kind, variables) = ("environment", names)
    case .executable: kind = "executable"
    case .status: kind = "status"
    case .text: kind = "text"
    case .temporaryFiles: kind = "temporary files"
    case .textOf(let pid): (kind, process) = ("text of another", pid)
    case .file(let name): (kind, path) = ("file", name)
    case .entry(let name): (kind, path) = ("entry", name)
    case .sourceOnlyFirst(let name): (kind, path) = ("source only in the first", name)
    case .sourceOnlySecond(let name): (kind, path) = ("source only in the second", name)
    case .listing(let name): (kind, path) = ("directory listing", name)
    case .source(let name): (kind, path) = ("source", name)
    case .otherSource(let name): (kind, path) = ("other source", name)
    }
    line.object { line in
      line.string("kind", kind)
      line.string("path", path)
      line.process("process", process.map(first))
      line.array("variables") { line in for name in variables { line.string(nil, name) } }
    }
  }

  private func tell(_ finding: ContentFinding, _ line: inout JSONText) {
    let kind: String
    var (name, reason): ([UInt8]?, [UInt8]?)
    var (first, second): ([UInt8]?, [UInt8]?)
    var offset: Int?
    var (sizes, lines): ([Int], [ContentFinding.Line]) = ([], [])
    switch finding.kind {
    case .field(let field, let one, let other): (kind, name, first, second) = ("field", Array(field.utf8), one, other)
    case .lines(let text, let hidden):
      (kind, lines) = ("lines", text)
      if hidden > 0 { reason = Array("\(hidden) more lines".utf8) }
    case .bytes(let place, let one, let other, let both):
      (kind, offset, first, second, sizes) = ("bytes", place, one, other, both)
    case .onlyFirst: kind = "only in the first"
    case .onlySecond: kind = "only in the second"
    case .order: kind = "order"
    case .packing: kind = "packing"
    case .unread(let why): (kind, reason) = ("unread", Array(why.utf8))
    case .more(let count): (kind, reason) = ("more", Array("\(count) more differences".utf8))
    }
    line.object { line in
      line.array("place") { line in for part in finding.place { line.string(nil, part) } }
      line.string("kind", kind)
      line.string("name", name)
      line.string("first", first)
      line.string("second", second)
      line.number("offset", offset)
      line.array("sizes") { line in for size in sizes { line.number(nil, size) } }
      line.array("lines") { line in
        for text in lines {
          line.object { line in
            line.string("mark", [text.mark])
            line.string("text", text.text)
          }
        }
      }
      line.string("reason", reason)
    }
  }
}
