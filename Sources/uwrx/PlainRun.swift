import ArgumentParser
import Sandbox

// The parser looks at all of a command's options by reflection, which takes longer than all else that uwrx does before it starts the guest:
// a fifth of the processor time of `uwrx run --system -- true`. So the options of a usual run are read here, and a test compares what
// comes of it. What is wrong, asks for help, is repeated, or is none of these options is the parser's.
extension RunCommand {
  /// - Parameters:
  ///   - options: what stands between `run` and `--`.
  ///   - command: what stands after it.
  /// - Returns: nil for what the parser has to read.
  init?(plain options: ArraySlice<String>, command: [String]) {
    self.init(unused: ())
    self.command = command
    var seen: Set<Substring> = []
    var rest = options
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--") else { return nil }
      let equals = argument.firstIndex(of: "=")
      let name = argument[..<(equals ?? argument.endIndex)].dropFirst(2)
      if equals == nil, setFlag(name) { continue }
      let value = equals.map { String(argument[argument.index(after: $0)...]) } ?? rest.popFirst()
      // The parser takes what looks like an option for one.
      guard let value, !value.isEmpty, !value.hasPrefix("-"), setOption(name, value),
        Self.repeated.contains(name) || seen.insert(name).inserted
      else { return nil }
    }
    do { try validate() } catch { return nil }
  }

  private static let repeated: Set<Substring> = ["source", "parent", "env"]

  private mutating func setFlag(_ name: Substring) -> Bool {
    switch name {
    case "system": system = true
    case "no-project": noProject = true
    case "trust-parent": trustParent = true
    case "env-all": envAll = true
    case "clear-env": clearEnv = true
    case "strict-calls": strictCalls = true
    case "summary": summary = true
    case "quiet": quiet = true
    case "verbose": verbose = true
    case "apply": apply = true
    default: return false
    }
    return true
  }

  private mutating func setOption(_ name: Substring, _ value: String) -> Bool {
    func set<Value>(_ option: inout Value?, _ value: Value?) -> Bool {
      option = value
      return value != nil
    }
    func set<Value>(_ option: inout Value, _ value: Value?) -> Bool {
      if let value { option = value }
      return value != nil
    }
    switch name {
    case "project": return set(&project, value)
    case "source": source.append(value)
    case "parent": parent.append(value)
    case "tmp": return set(&tmp, value)
    case "times": return set(&times, Times(rawValue: value))
    case "build": build = value
    case "step": return set(&step, UInt32(value))
    case "workdir": return set(&workdir, value)
    case "uid": return set(&uid, UInt32(value))
    case "gid": return set(&gid, UInt32(value))
    case "hostname": hostname = value
    case "env":
      guard let variable = EnvironmentArgument(argument: value) else { return false }
      env.append(variable)
    case "pids": return set(&pids, PositiveArgument(argument: value))
    case "memory": return set(&memory, SizeArgument(argument: value))
    case "timeout": return set(&timeout, DurationArgument(argument: value))
    case "cpu-time": return set(&cpuTime, DurationArgument(argument: value))
    case "file-size": return set(&fileSize, SizeArgument(argument: value))
    case "disk": return set(&disk, SizeArgument(argument: value))
    case "open-files": return set(&openFiles, PositiveArgument(argument: value))
    case "seed": return set(&seed, RunSeed(argument: value))
    case "trace": return set(&trace, TraceLevel(rawValue: value))
    default: return false
    }
    return true
  }
}

// Each option as it is where it is not given: the parser demands that all are set, or none.

extension RunCommand {
  private init(unused: ()) {
    (system, project, noProject, source, parent, trustParent) = (false, nil, false, [], [], false)
    (replay, tmp, times, build, step, workdir) = (nil, nil, nil, "build", nil, nil)
    (uid, gid, hostname, env, envAll, clearEnv) = (0, 0, "uwrx", [], false, false)
    (pids, memory, timeout, cpuTime, fileSize, disk, openFiles) = (nil, nil, nil, nil, nil, nil, nil)
    (strictCalls, seed, processNumbers, instructions, trace) = (false, nil, nil, nil, .standard)
    (summary, quiet, verbose, apply, command) = (false, false, false, false, [])
    skipping = SkipOptions(unused: ())
    network = NetworkOptions(unused: ())
    clock = ClockOptions(unused: ())
    reproducible = ReproducibleOptions(unused: ())
  }
}

extension SkipOptions {
  fileprivate init(unused: ()) {
    (cache, cacheSize, skip, noSkip, skipAll) = ([], nil, [], [], false)
    (cacheKey, cacheTrust, cacheReadOnly, cacheHeader, cacheCA) = (nil, false, false, [], nil)
  }
}

extension NetworkOptions {
  fileprivate init(unused: ()) {
    (net, noNet, allow, deny, resolve, publish) = (nil, false, [], [], [], [])
    (upstreamCA, upstreamProxy, netPassthrough) = (nil, nil, [])
    (inject, injectFromEnv, allowPush, replayMisses) = ([], [], false, nil)
  }
}

extension ClockOptions {
  fileprivate init(unused: ()) { (time, epoch) = (nil, nil) }
}

extension ReproducibleOptions {
  fileprivate init(unused: ()) {
    (reproducible, verify, noSeed, noMachine) = (false, nil, false, false)
    (keepEnv, keepPlace, cpus, kernelVersion) = (false, false, nil, nil)
  }
}
