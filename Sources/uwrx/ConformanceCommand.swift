import ArgumentParser
import Conformance
import Glibc
import SystemPackage

struct ConformanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Runs the conformance suite on this machine and reports by system call.",
    discussion: """
      Each fixture runs linked dynamically and statically; if you are root, as root and as uid 1000, and with its files in a source, \
      in the run's own layer and in a parent's. The exit status is 0 if all agree with Linux, 1 if a case fails, and 125 if uwrx \
      itself failed.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, html }

  @Argument(help: "The fixtures' names (default: all).")
  var names: [String] = []

  @Option(help: "How to print it.")
  var format = Format.text

  @Option(help: ArgumentHelp("Write the report to this file.", valueName: "file"), completion: .file())
  var output: String?

  @OptionGroup var options: CaseOptions

  func run() throws {
    do {
      let set = try options.makeSet()
      let cases = try options.cases(of: names.isEmpty ? set.fixtures : set.select(names))
      // A report that cannot be written should not take minutes to say so.
      if let output { try checkWritable(output) }
      let report = try options.withHarness(set) { harness throws(ConformanceError) in
        let verdicts = try options.run(cases, with: harness) { verdict throws(ConformanceError) in
          // All of them are in the report.
          if verdict.isFailed { try? printOutput(verdict.lines, to: .standardError) }
        }
        return Report(verdicts, of: harness)
      }
      let text =
        switch format {
        case .text: report.text()
        case .json: report.json()
        case .html: report.html()
        }
      if let output { try writeFile(output, Array(text.utf8)) } else { try printCases(text) }
      if report.hasFailures { throw ExitCode(1) }
    } catch let error as ConformanceError {
      printErrorLines(error.description)
      throw ExitCode(125)
    }
  }

  private func checkWritable(_ path: String) throws(ConformanceError) {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let isWritable = access(path, W_OK) == 0 || (access(path, F_OK) != 0 && access(folder, W_OK | X_OK) == 0)
    if !isWritable { throw ConformanceError("cannot write \(path): \(String(cString: strerror(errno)))") }
  }
}
