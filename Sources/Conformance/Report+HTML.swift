import VirtualKernel

extension Report {
  /// One page that needs nothing else.
  public func html() -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
    <title>uwrx conformance</title>
    <style>
    \(Page.style)</style>
    </head>
    <body>
    <main>
    \(header)\(bars)\(failureSection)\(systemCallSection)\(differenceSection)</main>
    <script>
    \(Page.script)</script>
    </body>
    </html>

    """
  }

  private var header: String {
    let verdict =
      hasFailures
      ? "<p class=\"verdict failed\">\(failures.count) of \(verdicts.count) cases differ from Linux</p>"
      : passedCases > 0
        ? "<p class=\"verdict passed\">uwrx answers as Linux does in all \(number(passedCases)) cases</p>"
        : "<p class=\"verdict skipped\">No case could be tried here</p>"
    let facts =
      [
        ("System", "\(machine.distribution), Linux \(machine.kernel)"),
        ("Machine", "\(machine.architecture), \(machine.processors) processors"),
        ("Run as", machine.user), ("Compiler", machine.compiler), ("Date", machine.date),
      ] + (options.isEmpty ? [] : [("Options of uwrx run", options)])
    return """
      <header>
      <h1>uwrx conformance</h1>
      \(verdict)
      <p class="lead">Each fixture is a C program that prints what its system calls answer. It runs natively and under uwrx, in the \
      same files; the outputs must be the same to the byte\(differences.isEmpty ? "" : ", but for \(intended)"). Linux itself is the oracle.</p>
      <dl class="facts">
      \(facts.map { "<div><dt>\($0.0)</dt><dd>\(escaped($0.1))</dd></div>\n" }.joined())</dl>
      </header>

      """
  }

  private var intended: String {
    "<a href=\"#differences\">\(differences.count) intended difference\(differences.count == 1 ? "" : "s")</a>"
  }

  // MARK: - Bars

  private struct Part {
    let name: String
    let kind: String
    let count: Int
  }

  private var bars: String {
    let skipped = verdicts.count(where: \.isSkipped)
    var text = "<section class=\"bars\" aria-label=\"Summary\">\n"
    text += bar(
      "Cases", of: verdicts.count,
      [
        Part(name: "same as Linux", kind: "passed", count: passedCases),
        Part(name: "different", kind: "failed", count: failures.count),
        Part(name: "not possible here", kind: "skipped", count: skipped),
      ])
    text += bar(
      "System calls tested", of: systemCalls.count,
      State.allCases.map { Part(name: Self.title($0), kind: $0.rawValue, count: count($0)) }
        .sorted { $0.kind == "passed" && $1.kind != "passed" })
    text += bar(
      "What becomes of a call", of: systemCalls.count,
      Self.dispositions.map {
        Part(name: "\($0): \(Self.meaning($0))", kind: $0, count: count(disposition: $0))
      })
    for skip in skips { text += "<p class=\"note\">\(skip.cases) cases were skipped: \(escaped(skip.reason)).</p>\n" }
    return text + "</section>\n"
  }

  private static func meaning(_ disposition: String) -> String {
    switch disposition {
    case "native": "the kernel runs it unseen"
    case "emulate": "uwrx answers"
    case "gate": "uwrx prepares, the kernel runs it"
    default: "nobody runs it"
    }
  }

  private static func title(_ state: State) -> String {
    switch state {
    case .passed: "same as Linux"
    case .failed: "different"
    case .skipped: "not possible here"
    case .untested: "no fixture"
    }
  }

  private func bar(_ title: String, of total: Int, _ parts: [Part]) -> String {
    let shown = parts.filter { $0.count > 0 }
    let segments = shown.map { part in
      "<span class=\"\(part.kind)\" style=\"flex-grow:\(part.count)\"></span>"
    }
    let legend = shown.map { part in
      "<li><i class=\"\(part.kind)\"></i>\(part.name) <b>\(number(part.count))</b></li>"
    }
    return """
      <div class="bar"><h2>\(title) <small>\(number(total))</small></h2>
      <div class="track" aria-hidden="true">\(segments.joined())</div>
      <ul>\(legend.joined())</ul></div>

      """
  }

  // MARK: - Failures

  private var failureSection: String {
    guard hasFailures else { return "" }
    // The ways to run a fixture mostly fail alike, which is said once.
    var groups: [(fixture: String, ways: [String], problems: [String])] = []
    for failure in failures {
      let test = failure.test
      let way = "\(test.linkage.rawValue), \(test.user.rawValue), \(test.ground.rawValue)"
      if let index = groups.firstIndex(where: { $0.fixture == test.fixture.name && $0.problems == failure.problems }) {
        groups[index].ways.append(way)
      } else {
        groups.append((test.fixture.name, [way], failure.problems))
      }
    }
    let items = groups.map { failure in
      """
      <details class="failure" open><summary><code>\(escaped(failure.fixture))</code> \
      <small>\(failure.ways.joined(separator: "; "))</small></summary>
      \(failure.problems.map { "<pre>\(marked($0))</pre>\n" }.joined())</details>

      """
    }
    return "<section id=\"failures\">\n<h2>Failures</h2>\n\(items.joined())</section>\n"
  }

  /// A line of a difference that is on one side only stands out.
  private func marked(_ problem: String) -> String {
    problem.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let text = escaped(String(line))
      if line.hasPrefix("--- ") || line.hasPrefix("+++ ") { return "<b>\(text)</b>" }
      if line.hasPrefix("-") { return "<del>\(text)</del>" }
      return line.hasPrefix("+") ? "<ins>\(text)</ins>" : text
    }.joined(separator: "\n")
  }

  // MARK: - System calls

  private var systemCallSection: String {
    let dispositions = Self.dispositions.map { name in
      toggle("disposition", name, name, count(disposition: name))
    }
    let states = State.allCases.filter { count($0) > 0 }.map { toggle("state", $0.rawValue, Self.title($0), count($0)) }
    return """
      <section id="calls">
      <h2>System calls</h2>
      <div class="tools">
      <input type="search" id="filter" placeholder="Filter by name, reason or fixture" aria-label="Filter system calls">
      <div class="toggles" role="group" aria-label="Dispositions">\(dispositions.joined())</div>
      <div class="toggles" role="group" aria-label="Results">\(states.joined())</div>
      <p id="shown" aria-live="polite"></p>
      </div>
      <div class="columns" aria-hidden="true"><span>No.</span><span>Call</span><span>Who runs it</span><span>Result</span>\
      <span>Why</span></div>
      \(systemCalls.map(row).joined())</section>

      """
  }

  private func toggle(_ group: String, _ value: String, _ name: String, _ count: Int) -> String {
    "<button type=\"button\" aria-pressed=\"true\" data-group=\"\(group)\" data-value=\"\(value)\"><i class=\"\(value)\"></i>"
      + "\(name) <b>\(count)</b></button>"
  }

  private func row(_ call: SystemCall) -> String {
    let entry = call.entry
    let word = SyscallTableRenderer.word(entry.disposition)
    var facts: [(String, String)] = [("Why", escaped("\(entry.reason)"))]
    if case .deny(let errno) = entry.disposition {
      facts.append(("Answer", "<code>\(SyscallTableRenderer.symbol(errno))</code>"))
    }
    if !entry.nativeWhen.isEmpty {
      facts.append(("Native when", escaped(SyscallTableRenderer.condition(entry))))
    }
    if let missing = entry.missing { facts.append(("Missing", escaped("\(missing)"))) }
    facts.append(
      ("Tested by", call.fixtures.isEmpty ? "no fixture" : call.fixtures.map(fixture).joined(separator: " ")))
    return """
      <details class="call" data-call="\(escaped(entry.name))" data-disposition="\(word)" data-state="\(call.state.rawValue)">\
      <summary><span class="number">\(entry.number.rawValue)</span><code>\(escaped(entry.name))</code>\
      <span><i class="\(word)"></i>\(word)\(entry.nativeWhen.isEmpty ? "" : "<abbr title=\"native under a condition\">*</abbr>")</span>\
      <span class="state \(call.state.rawValue)">\(Self.title(call.state))</span>\
      <span class="why">\(entry.missing == nil ? "" : "<em>partial</em> ")\(escaped("\(entry.reason)"))</span></summary>
      <dl>\(facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }.joined())</dl></details>

      """
  }

  private func fixture(_ name: String) -> String {
    "<code class=\"fixture \(states[name]?.rawValue ?? "untested")\">\(escaped(name))</code>"
  }

  // MARK: - Intended differences

  private var differenceSection: String {
    guard !differences.isEmpty else { return "" }
    let items = differences.map { difference in
      """
      <li><p>\(escaped(difference.entry.reason))</p>
      <p class="where"><code>\(escaped(difference.entry.fixture))</code>\
      \(difference.entry.who == "any" ? "" : ", as \(difference.entry.who == "root" ? "root" : "an ordinary user")"), \
      seen in \(difference.cases) \(difference.cases == 1 ? "case" : "cases")</p>
      <p class="pattern"><code>\(escaped(difference.entry.pattern))</code></p></li>

      """
    }
    return """
      <section id="differences">
      <h2>Intended differences <small>\(differences.count)</small></h2>
      <p class="lead">Where uwrx means to differ. Output lines that match the expression are not compared.</p>
      <ol>
      \(items.joined())</ol>
      </section>

      """
  }

  // MARK: - Text

  /// Fit for an element's text and for an attribute's value in double quotes.
  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case _ where scalar.value < 0x20 && scalar != "\t" && scalar != "\n": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// With a thin space between thousands.
  private func number(_ value: Int) -> String {
    value < 10_000 ? "\(value)" : "\(value / 1000)\u{2009}" + "\(1000 + value % 1000)".dropFirst()
  }
}
