import Skipping

/// The second stage: an Action with the command and the tree of all that it has read, and its result, as a server of remote execution would have them.
struct RecordedAction {
  let name: ContentName
  let result: RemoteActionResult
  /// What both consist of, but for what the process has read and made.
  let contents: [(name: ContentName, bytes: [UInt8])]

  /// - Returns: nil for what the API cannot tell: words and names that are not text.
  init?(_ record: SkipRecord, _ started: StartedCommand) {
    func text(_ bytes: some Sequence<UInt8>) -> String? { String(validating: Array(bytes), as: UTF8.self) }
    guard let directory = text(started.directory) else { return nil }
    var command = RemoteCommand()
    command.workingDirectory = String(directory.drop { $0 == "/" })
    for argument in started.arguments {
      guard let argument = text(argument) else { return nil }
      command.arguments.append(argument)
    }
    for variable in started.variables.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let name = variable.prefix { $0 != UInt8(ascii: "=") }
      guard let name = text(name), let value = text(variable.dropFirst(name.utf8.count + 1)) else { return nil }
      command.environmentVariables.append(.with { ($0.name, $0.value) = (name, value) })
    }

    func absolute(_ path: [UInt8]) -> [UInt8] {
      path.first == UInt8(ascii: ".") ? started.root + path.dropFirst() : path
    }
    var tree = InputTree()
    for question in record.questions {
      let path = absolute(question.path)
      switch question.answer {
      case .contents(let status, let digest):
        guard
          tree.addFile(path, ContentName(digest: digest, size: status.size), isExecutable: status.mode & 0o111 != 0)
        else { return nil }
      case .link(let target): guard tree.addLink(path, to: target) else { return nil }
      case .names: guard tree.addDirectory(path) else { return nil }
      case .status(let status) where status.mode & 0o170000 == 0o040000:
        guard tree.addDirectory(path) else { return nil }
      // What was missing, or only looked at, is in the record alone.
      case .status, .missing: break
      }
    }

    var result = RemoteActionResult()
    result.exitCode = Int32(record.status)
    var files: [[UInt8]: RemoteOutputFile] = [:]
    for output in record.outputs {
      guard let path = text(absolute(output.path)) else { return nil }
      let relative = Self.relative(path, to: directory)
      switch output.after {
      case .file(let file):
        files[output.path] = .with {
          $0.digest = ContentName(digest: file.digest, size: file.size).message
          $0.isExecutable = file.mode & 0o111 != 0
        }
        result.outputFiles.append(files[output.path]!)
      case .name(let other):
        // The API has no second names: it is a file like the other.
        guard let file = files[other] else { return nil }
        result.outputFiles.append(file)
      case .link(let target):
        guard let target = text(target) else { return nil }
        result.outputSymlinks.append(
          .with {
            $0.path = relative
            $0.target = target
          })
        command.outputPaths.append(relative)
        continue
      // What was removed, and directories by themselves, are in the record alone.
      case .directory, nil: continue
      }
      result.outputFiles[result.outputFiles.count - 1].path = relative
      command.outputPaths.append(relative)
    }
    command.outputPaths.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    func said(_ descriptor: Int32) -> [UInt8] { record.said.filter { $0.descriptor == descriptor }.flatMap(\.bytes) }
    let (output, errors) = (said(1), said(2))
    result.stdoutDigest = ContentName(of: output).message
    result.stderrDigest = ContentName(of: errors).message

    let directories = tree.directories()
    let commandBytes = command.bytes
    let action = RemoteAction.with {
      $0.commandDigest = ContentName(of: commandBytes).message
      $0.inputRootDigest = directories[directories.count - 1].name.message
    }.bytes
    name = ContentName(of: action)
    self.result = result
    var contents = directories
    for bytes in [output, errors, commandBytes, action] { contents.append((ContentName(of: bytes), bytes)) }
    self.contents = contents
  }

  /// A path from the working directory, as the API has them: `..` leads out of it.
  static func relative(_ path: String, to directory: String) -> String {
    let (names, base) = (path.split(separator: "/"), directory.split(separator: "/"))
    var common = 0
    while common < min(names.count, base.count), names[common] == base[common] { common += 1 }
    return (Array(repeating: "..", count: base.count - common) + names[common...]).joined(separator: "/")
  }
}
