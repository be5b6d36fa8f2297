import CLinux
import Glibc
import Skipping
import SystemPackage
import Tracing

// What tells what was started from all else.
extension VirtualKernel {
  /// What tells what was started from all else: nil if it cannot be skipped, as what it depends on cannot be told.
  func skipKey(_ call: Call, _ unit: Unit) -> [UInt8]? {
    guard let skipper, let program = try? files.nodes.guestPath(of: call.thread.group.executable) else { return nil }
    let process = call.thread.group.nsID.rawValue
    var (arguments, environment, limits): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
    guard (try? information.readProc("\(process)/cmdline", into: &arguments)) != nil,
      (try? information.readProc("\(process)/environ", into: &environment)) != nil,
      (try? information.readProc("\(process)/limits", into: &limits)) != nil,
      let descriptors = try? information.listProc("\(process)/fd"), let umask = try? call.umask(),
      let directory = (try? call.workingDirectory()).flatMap({ try? files.nodes.guestPath(of: $0) })
    else { return nil }
    let words = Array(arguments.split(separator: 0, omittingEmptySubsequences: false).dropLast())
    // Their order tells nothing to who asks for one by its name.
    let variables = environment.split(separator: 0).sorted { $0.lexicographicallyPrecedes($1) }
    (unit.words, unit.directory) = (words, directory)
    if SkippedPrograms.asksProcessor(words) {
      unit.cannotBeRecorded("it asks for the processor that it runs on")
      return nil
    }
    if SkippedPrograms.stamps(program, words) {
      unit.cannotBeRecorded("it writes into what it makes when that was; -frandom-seed= gives it a number instead")
      return nil
    }
    let sharesJobs = !unit.traits.isTree && words.contains { $0.starts(with: "-flto".utf8) }
    if words.contains(where: Self.namesDescriptor) || variables.contains(where: Self.namesDescriptor) {
      unit.cannotBeRecorded("it is told of a descriptor by its name")
      return nil
    }
    // Compilers use none but the first three. For who starts others only make's are nobody's matter.
    let others =
      !unit.traits.isTree && !sharesJobs
      ? [] : descriptors.compactMap { Int32(String(decoding: $0, as: UTF8.self)) }.filter { $0 > 2 }
    let jobs = sharesJobs ? [] : Self.jobDescriptors(variables)
    if let other = others.first(where: { !jobs.contains($0) }) {
      unit.cannotBeRecorded("it has inherited descriptor \(other)")
      return nil
    }
    var key = RecordKey()
    key.add(.options, skipper.configuration.options)
    key.add(.program, program)
    for word in words { key.add(.argument, Array(word)) }
    var shared = sharedKey(
      key, words: words, variables, sharesJobs: sharesJobs, program: program, directory: directory, call, unit)
    let matters = variables.compactMap { SkippedPrograms.matter($0, sharesJobs: sharesJobs, unit.traits) }
    for variable in matters { key.add(.variable, variable) }
    // Compilers do not ask, what recipes call does: uname(1).
    if unit.traits.isTree { key.add(.machine, Self.systemNames) }
    // Who may ask for random numbers gets those of who it is.
    if unit.traits.isTree, skipper.configuration.programs.isReproducible, let identity = call.thread.group.identity {
      key.add(.identity, identity.digest)
    }
    key.add(.directory, directory)
    if skipper.store.wantsCommands {
      unit.started = StartedCommand(
        arguments: words.map(Array.init), variables: matters, directory: directory, root: unit.place?.root ?? [])
    }
    key.add(.user, Array("\(umask) \(call.credentials.pointee)".utf8))
    // Those of numbers depend on what else runs on the machine, and end in errors, which are not recorded.
    for line in limits.split(separator: 0x0a)
    where ["Max cpu time", "Max file size", "Max data size", "Max stack size", "Max address space"].contains(where: {
      line.starts(with: $0.utf8)
    }) {
      key.add(.limit, Array(line))
      shared?.add(.limit, Array(line))
    }
    for descriptor in Int32(0)...2 {
      let status = try? self.descriptors.status(of: descriptor, in: call.thread)
      let kind = DescriptorKind(status)
      guard descriptor == 0 else {
        key.add(.descriptor, [kind.rawValue])
        shared?.add(.descriptor, [kind.rawValue])
        if let status { unit.outlets[descriptor] = HostIdentity(status) }
        continue
      }
      unit.input = status.map { HostIdentity($0) }
      // Who does not read it does not know what it is: make gives its second job another one than the first.
      guard SkippedPrograms.readsMore(program, words) else { continue }
      guard kind == .null || kind == .closed else {
        unit.cannotBeRecorded("it may read its standard input, or depends on times")
        return nil
      }
      key.add(.descriptor, [kind.rawValue])
      shared?.add(.descriptor, [kind.rawValue])
      unit.hasKnownInput = true
    }
    unit.sharedKey = shared?.digest("anywhere")
    unit.start = key
    return key.digest()
  }

  /// The key of the same call in another directory, and of another user: nil if it may tell where it is.
  private func sharedKey(
    _ begun: RecordKey, words: [ArraySlice<UInt8>], _ variables: [ArraySlice<UInt8>], sharesJobs: Bool,
    program: [UInt8], directory: [UInt8], _ call: Call, _ unit: Unit
  ) -> RecordKey? {
    guard let root = skipper?.configuration.root, unit.traits.isAnywhere, !sharesJobs,
      !SkippedPrograms.tellsPlace(words)
    else { return nil }
    let credentials = call.credentials.pointee
    let place = SkipRecord.Place(
      root: root, user: credentials.user.fileSystem, group: credentials.group.fileSystem)
    guard place.contains(directory), !place.contains(program) else { return nil }
    var key = begun
    if let named = variables.first(where: { $0.starts(with: "PWD=".utf8) })?.dropFirst(4) {
      guard place.contains(Array(named)) else { return nil }
      key.add(.directory, Array(named.dropFirst(root.count)))
      unit.namedFiles.insert(Array(named))
    }
    for word in words.dropFirst() { for path in Self.way(to: word, from: directory) { unit.namedFiles.insert(path) } }
    for variable in variables where !SkippedPrograms.isPersonal(variable) {
      guard let matter = SkippedPrograms.matter(variable, sharesJobs: false, unit.traits) else { continue }
      if matter.contains(text: root) { return nil }
      key.add(.variable, matter)
    }
    if words.contains(where: { $0.contains(text: root) }) { return nil }
    key.add(.directory, Array(directory.dropFirst(root.count)))
    key.add(.user, Array("\((try? call.umask()) ?? 0) \(credentials.capabilities)".utf8))
    unit.place = place
    return key
  }

  /// - Returns: what must be read first to tell the records of the key apart, or nil.
  func findHint(_ call: Call, _ unit: Unit) -> ContentSearch? {
    var known: [[UInt8]] = []
    var unread: [ContentSearch.File] = []
    for (word, previous) in zip(unit.words.dropFirst(), unit.words) where !Self.namesOutput(previous) {
      guard let path = Self.way(to: word, from: unit.directory).last,
        let found = (try? files.find(path, call)).flatMap({ $0 }), found != .none,
        files.nodes.inode(of: found).pointee.kind == .regular
      else { continue }
      switch unit.contents(of: found) {
      case .known(let digest): known.append(digest.bytes)
      case .unread(let file):
        if unit.tried.contains(file.identity) { host.close(file.file) } else { unread.append(file) }
      case .unsettled: break
      }
    }
    unit.hint = RecordHint(known)
    guard let skipper, !unread.isEmpty else { return nil }
    return ContentSearch(unread, skipper, unit, host)
  }

  private static func namesOutput(_ word: ArraySlice<UInt8>) -> Bool {
    ["-o", "-MF", "-MT", "-MQ"].contains { word.elementsEqual($0.utf8) }
  }

  /// The paths of what realpath(3) looks at for a name.
  private static func way(to word: ArraySlice<UInt8>, from directory: [UInt8]) -> [[UInt8]] {
    guard let first = word.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "/") else { return [] }
    var names = directory.split(separator: UInt8(ascii: "/"))
    var way: [[UInt8]] = []
    for name in word.split(separator: UInt8(ascii: "/")) where !name.elementsEqual(".".utf8) {
      if name.elementsEqual("..".utf8) {
        _ = names.popLast()
      } else {
        names.append(name)
      }
      way.append(Array(names.map { [UInt8(ascii: "/")] + $0 }.joined()))
    }
    return way
  }

  private static func namesDescriptor(_ word: ArraySlice<UInt8>) -> Bool {
    ["/dev/fd", "/dev/std", "/proc/"].contains { word.contains(text: $0.utf8) }
  }

  /// uname(2) but for the host's name, which is an option of the run, and how many processors there are.
  private static let systemNames: [UInt8] = {
    var names = utsname()
    uname(&names)
    return withUnsafeBytes(of: names.release) { Array($0) } + withUnsafeBytes(of: names.version) { Array($0) }
      + withUnsafeBytes(of: names.machine) { Array($0) } + Array("\(sysconf(Int32(_SC_NPROCESSORS_ONLN)))".utf8)
  }()

  private enum DescriptorKind: UInt8 {
    case closed, null, terminal, file, other

    init(_ status: stat?) {
      guard let status else {
        self = .closed
        return
      }
      switch status.st_mode & S_IFMT {
      case S_IFCHR: self = uwrx_major(UInt64(status.st_rdev)) == 1 ? .null : .terminal
      case S_IFREG: self = .file
      default: self = .other
      }
    }
  }

  /// `--jobserver-auth=R,W` of MAKEFLAGS (GNU make, "POSIX Jobserver Interaction").
  private static func jobDescriptors(_ variables: [ArraySlice<UInt8>]) -> [Int32] {
    var descriptors: [Int32] = []
    for name in ["MAKEFLAGS=", "CARGO_MAKEFLAGS="] {
      guard let flags = variables.first(where: { $0.starts(with: name.utf8) }) else { continue }
      for word in String(decoding: flags, as: UTF8.self).split(separator: " ") {
        for option in ["--jobserver-auth=", "--jobserver-fds="] where word.hasPrefix(option) {
          descriptors += word.dropFirst(option.count).split(separator: ",").compactMap { Int32($0) }
        }
      }
    }
    return descriptors
  }
}
