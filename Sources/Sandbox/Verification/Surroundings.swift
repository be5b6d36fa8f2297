import CLinux
import Glibc

/// What is around a process that it has not asked for: its user's settings, the load, and what it may use.
public struct Surroundings: Sendable {
  /// `NAME=value`.
  public var environment: [String]
  var umask: mode_t?
  /// Bytes that the stack may grow to.
  var stack: rlim_t?
  /// It has one processor, and somebody else has work for it.
  var isBusy = false

  /// As they are.
  public init() { environment = Sandbox.environment() }

  /// Others each time, as reprotest(1) varies them. HOME stays, by which uwrx knows what of a home directory is secret.
  public init(variation number: Int) {
    self.init()
    let changed = [
      "COLUMNS": "\(100 + number)", "EDITOR": "/bin/ed", "LANG": number % 2 == 1 ? "fr_CH.UTF-8" : "et_EE.UTF-8",
      "LANGUAGE": "fr:en", "LC_ALL": number % 2 == 1 ? "tr_TR.UTF-8" : "C", "LINES": "\(40 + number)",
      "LOGNAME": "nobody", "MAKEFLAGS": "--no-print-directory", "TZ": number % 2 == 1 ? "GMT+12" : "GMT-14",
      "USER": "nobody", "VARIATION": String(repeating: "x", count: 100 * number),
    ]
    environment.removeAll { changed[String($0.prefix { $0 != "=" })] != nil }
    environment += changed.map { "\($0.key)=\($0.value)" }.sorted()
    if let path = environment.firstIndex(where: { $0.hasPrefix("PATH=") }) { environment[path] += ":/var/empty" }
    umask = number % 2 == 1 ? 0o077 : 0o002
    stack = rlim_t(8 + 8 * (number % 3)) << 20
    isBusy = number % 2 == 1
  }

  /// Calls `body`, in which processes can be started that have these surroundings but for the environment, which they are given.
  func with<Value>(_ body: () throws(SupervisorError) -> Value) throws(SupervisorError) -> Value {
    var mask = [UInt8](repeating: 0, count: 1024)
    let length = uwrx_processors(0, &mask, UInt32(mask.count))
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit)
    let own = umask.map { Glibc.umask($0) }
    defer {
      if let own { _ = Glibc.umask(own) }
      setrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit)
      if length > 0 { _ = uwrx_set_processors(0, mask, UInt32(length)) }
    }
    if let stack, stack <= limit.rlim_max {
      var changed = rlimit(rlim_cur: stack, rlim_max: limit.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &changed)
    }
    guard isBusy else { return try body() }
    let load = Load()
    defer { load.end() }
    if length > 0, let word = mask[..<Int(length)].firstIndex(where: { $0 != 0 }) {
      var one = [UInt8](repeating: 0, count: Int(length))
      one[word] = mask[word] & ~(mask[word] &- 1)
      _ = uwrx_set_processors(0, one, UInt32(length))
    }
    return try body()
  }
}

/// A thread that keeps a processor busy.
private final class Load: @unchecked Sendable {
  private let isOver = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)

  init() {
    isOver.initialize(to: 0)
    // It frees what both use; without a thread there is no load, and all the rest all the same.
    let flag = UInt(bitPattern: isOver)
    let isRunning = startThread {
      let flag = UnsafeMutablePointer<UInt64>(bitPattern: flag)!
      while uwrx_load(flag) == 0 {}
      flag.deallocate()
    }
    if !isRunning { isOver.pointee = 2 }
  }

  func end() {
    if isOver.pointee == 2 { isOver.deallocate() } else { uwrx_store(isOver, 1) }
  }
}
