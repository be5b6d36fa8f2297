import ArgumentParser
import VirtualKernel

struct SyscallsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "syscalls", abstract: "Lists what becomes of each system call.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, markdown }

  @Option(help: "How to print it.")
  var format = Format.text

  func run() {
    switch format {
    case .text: print(SyscallTableRenderer.text(), terminator: "")
    case .json: print(SyscallTableRenderer.json(), terminator: "")
    case .markdown: print(SyscallTableRenderer.markdown(), terminator: "")
    }
  }
}
