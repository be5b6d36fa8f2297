import SystemPackage

/// The memory of a guest's threads.
public protocol GuestMemory: AnyObject {
  /// Reads up to `buffer.count` bytes from `address` of the thread's memory.
  /// - Returns: the number of bytes before the first that is not mapped; at least 1.
  /// - Throws: `.badAddress` if not even the first byte can be read.
  func read(_ thread: AbsTid, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int

  /// Writes all of `bytes`.
  /// - Throws: `.badAddress` if a byte cannot be written; earlier ones may have been.
  func write(_ thread: AbsTid, at address: UInt64, _ bytes: UnsafeRawBufferPointer) throws(Errno)

  /// Writes where the guest itself may not: over instructions of a mapping at `address`.
  /// - Parameter group: the thread's.
  /// - Throws: what the kernel refuses it with; `.noSuchProcess` if the thread has ended.
  func patch(
    _ thread: AbsTid, of group: ThreadGroup, at address: UInt64, _ patches: [CodePatch]
  ) throws(Errno)

  /// Whether the notification's thread still waits. What was read from memory counts only if it does: the thread may have
  /// been killed, and its id reused, before the read.
  func isWaiting(_ notification: UInt64) -> Bool
}
