import Glibc

/// Which tests run beside each other. Most do; some use up what all of the machine has, or all that one of its users may have, and
/// have it for themselves.
public enum MachineUse: Sendable {
  case shared
  case alone

  /// Runs a test when it may. Who waits gives its thread up, for the test library has as many as there are processors.
  public func during<Result>(_ body: () throws -> Result) async throws -> Result {
    // This file is what both lock.
    let lock = open(#filePath, O_RDONLY | O_CLOEXEC)
    defer { close(lock) }
    while flock(lock, (self == .alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 {
      try await Task.sleep(nanoseconds: 50_000_000)
    }
    return try body()
  }
}
