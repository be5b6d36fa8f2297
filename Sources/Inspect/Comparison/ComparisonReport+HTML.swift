import SystemPackage
import Tracing

extension ComparisonReport {
  /// One page that needs nothing else and runs nothing, with what the text has.
  /// - Parameter names: what the user calls the two runs.
  public func html(_ names: (first: String, second: String), to output: OutputBuffer) throws(Errno) {
    output.append(Self.head)
    output.append("<h1>Two runs compared</h1>\n<p class=\"lead\">")
    output.append(code(Escaping.escape(names.first.utf8)) + ", then ".utf8 + code(Escaping.escape(names.second.utf8)))
    output.append("</p>\n<p class=\"verdict \(comparison.isEmpty ? "same" : "other")\">")
    output.append(comparison.isEmpty ? "They are the same.</p>\n" : "They differ.</p>\n")
    try section("What the runs were given", settings.map { [item(words.setting($0))] })
    try section("Processes", comparison.byImportance.map(entries))
    try section("Only in the first", comparison.onlyFirst.map { [item(words.alone($0, comparison.firstHistory))] })
    try section("Only in the second", comparison.onlySecond.map { [item(words.alone($0, comparison.secondHistory))] })
    if !comparison.files.isEmpty { output.append("<section>\n<h2>Files</h2>\n") }
    for file in comparison.files {
      output.append("<details open><summary>")
      output.append(code(Escaping.escape(file.path)) + Self.escaped(words.writers(file).utf8))
      output.append("</summary>\n<ul>\n")
      for finding in comparison.contents(of: file) { output.append(entry(finding)) }
      output.append("</ul>\n")
      if let report = diffoscope?.report(on: file) {
        let lines = report.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        output.append("<p>diffoscope:</p>\n<pre>")
        output.append(Array(lines.map { Self.escaped(LineDiff.shown($0)) }.joined(separator: [UInt8(ascii: "\n")])))
        output.append("</pre>\n")
      }
      output.append("</details>")
      try output.endLine()
    }
    if !comparison.files.isEmpty { output.append("</section>\n") }
    output.append("</main>\n</body>\n</html>")
    try output.endLine()

    func section(_ title: String, _ parts: [[[UInt8]]]) throws(Errno) {
      if parts.isEmpty { return }
      output.append("<section>\n<h2>\(title)</h2>\n<ul>\n")
      for part in parts {
        output.append(Array(part.joined()))
        try output.drain()
      }
      output.append("</ul>\n</section>\n")
    }
  }

  private func entries(_ process: TraceComparison.Process) -> [[UInt8]] {
    let kind = process.isCulprit ? "culprit" : "follower"
    var parts = [Array("<li class=\"\(kind)\">\(Self.heading(process))".utf8) + code(words.process(process))]
    parts.append(Array("<ul>\n".utf8))
    parts += process.inputs.map { item(Array("got other ".utf8) + words.difference($0)) }
    parts += process.outputs.map { item(Array("gave other ".utf8) + words.difference($0)) }
    parts.append(Array("</ul></li>\n".utf8))
    return parts
  }

  private func entry(_ finding: ContentFinding) -> [UInt8] {
    let place = ComparisonWords.place(finding)
    var text = Array("<li>".utf8) + (place.isEmpty ? [] : code(place) + ": ".utf8)
    text += Self.escaped(ComparisonWords.finding(finding.kind))
    let lines = ComparisonWords.lines(finding.kind)
    if !lines.isEmpty {
      text += "<pre>".utf8
      for line in lines {
        let element: String? = [UInt8(ascii: "-"): "del", UInt8(ascii: "+"): "ins"][line.mark]
        let mark = line.mark == UInt8(ascii: "@") ? [] : [line.mark]
        text += (element.map { "<\($0)>" } ?? "").utf8
        text += Self.escaped(mark + line.text)
        text += (element.map { "</\($0)>" } ?? "").utf8 + [UInt8(ascii: "\n")]
      }
      text += "</pre>".utf8
    }
    return text + "</li>\n".utf8
  }

  private func item(_ text: [UInt8]) -> [UInt8] { Array("<li>".utf8) + Self.escaped(text) + "</li>\n".utf8 }
  private func code(_ text: [UInt8]) -> [UInt8] { Array("<code>".utf8) + Self.escaped(text) + "</code>".utf8 }

  private static let entities: [UInt8: String] = [
    UInt8(ascii: "&"): "&amp;", UInt8(ascii: "<"): "&lt;", UInt8(ascii: ">"): "&gt;", UInt8(ascii: "\""): "&quot;",
    UInt8(ascii: "'"): "&#39;",
  ]

  /// Names and contents are anybody's: none of them is markup.
  static func escaped(_ text: some Sequence<UInt8>) -> [UInt8] {
    text.reduce(into: []) { result, byte in
      if let entity = entities[byte] { result += entity.utf8 } else { result.append(byte) }
    }
  }

  private static let head = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>uwrx diff</title>
    <style>
    :root { color-scheme: light dark; --back: #fbfbf9; --text: #1d2125; --soft: #5c656e; --line: #dfe2e4; --same: #2e8b57;
      --other: #c8372d; }
    @media (prefers-color-scheme: dark) {
      :root { --back: #15181b; --text: #e4e7e9; --soft: #9aa4ad; --line: #343b41; --same: #55b882; --other: #f0766c; }
    }
    body { margin: 0; background: var(--back); color: var(--text);
      font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
    main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
    h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; } h2 { font-size: 1.25rem; margin: 0 0 .6rem; }
    section { margin-top: 2.5rem; } .lead { color: var(--soft); } .verdict { font-weight: 600; }
    .verdict.same { color: var(--same); } .verdict.other { color: var(--other); }
    code, pre { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: .875em; }
    pre { overflow-x: auto; margin: .4rem 0; line-height: 1.45; }
    code { overflow-wrap: anywhere; }
    ul { padding-left: 1.2rem; margin: .3rem 0; } .culprit { border-left: 4px solid var(--other); padding-left: .6rem; }
    details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
    del { color: var(--other); text-decoration: none; } ins { color: var(--same); text-decoration: none; }
    </style>
    </head>
    <body>
    <main>

    """
}
