import Foundation
import Testing

/// The ready-made tree of `--system`.
@Suite("The system's tree")
struct SystemTreeTests {
  /// Programs of packages that are not there are not tried.
  @Test(
    "has what packages have set up for each other",
    arguments: ["/var/lib/dpkg/info", "/var/lib/texmf", "/var/lib/sgml-base", "/var/lib/xml-core", "/var/lib/ghc"])
  func shared(_ directory: String) throws {
    guard FileManager.default.fileExists(atPath: directory) else { return }
    try CommandLine.withDirectory { place in
      let list = "ls -R '\(directory)' | head -1000"
      let outcome = try CommandLine.run(["run", "--quiet", "--system", "--", "sh", "-c", list], in: place)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output == (try CommandLine.shell(list, in: place).output))
      let change = "echo x > '\(directory)/uwrx-test' && cat '\(directory)/uwrx-test'"
      #expect(try CommandLine.run(["run", "--quiet", "--system", "--", "sh", "-c", change], in: place).output == "x\n")
      #expect(!FileManager.default.fileExists(atPath: directory + "/uwrx-test"))
    }
  }

  @Test("lets TeX find its formats", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pdflatex")))
  func formats() throws {
    try CommandLine.withDirectory { place in
      let text = "\\documentclass{article}\\begin{document}Hello\\end{document}"
      try text.write(toFile: place + "/a.tex", atomically: true, encoding: .utf8)
      let outcome = try CommandLine.run(
        [
          "run", "--quiet", "--system", "--", "sh", "-c",
          "pdflatex -interaction=batchmode a.tex > log; head -c 5 a.pdf",
        ],
        in: place)
      #expect(outcome.output == "%PDF-", "\(outcome.output)\(outcome.error)")
    }
  }
}
