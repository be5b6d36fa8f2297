import ArgumentParser
import VirtualKernel

struct SyscallsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "syscalls", abstract: "Lists what becomes of each system call.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, markdown }

  @Option(help: "How to print it.")
  var format = Format.text

  func run() throws {
    switch format {
    case .text: try printOutput(SyscallTableRenderer.text())
    case .json: try printOutput(SyscallTableRenderer.json())
    case .markdown: try printOutput(SyscallTableRenderer.markdown())
    }
  }
}
