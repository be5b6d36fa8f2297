import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Guest memory by process_vm_readv(2), which needs no descriptor per process and is right after an execve.
final class ProcessMemory: GuestMemory {
  private let listener: FileDescriptor
  private static let pageSize = 4096

  init(listener: FileDescriptor) {
    self.listener = listener
  }

  func read(_ thread: AbsTid, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    guard buffer.count > 0 else { return 0 }
    // The kernel copies whole ranges: one that runs into an unmapped page must be split at the page's start.
    let toPageEnd = Self.pageSize - Int(address & UInt64(Self.pageSize - 1))
    let first = min(buffer.count, toPageEnd)
    let count = uwrx_read_memory_split(
      thread.rawValue, buffer.baseAddress!, first, buffer.count - first, address)
    guard count > 0 else { throw Errno(rawValue: count == -Int(ESRCH_) ? ESRCH_ : EFAULT_) }
    return count
  }

  func write(_ thread: AbsTid, at address: UInt64, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    guard bytes.count > 0 else { return }
    let count = uwrx_write_memory(thread.rawValue, bytes.baseAddress!, bytes.count, address)
    guard count == bytes.count else { throw .badAddress }
  }

  func patch(
    _ thread: AbsTid, of group: ThreadGroup, at address: UInt64, _ patches: [CodePatch]
  ) throws(Errno) {
    guard address < 1 << 56 else { throw .badAddress }
    // process_vm_writev(2) does not write where the process itself may not.
    let path = "/proc/\(group.id.rawValue)/task/\(thread.rawValue)/mem"
    let file = uwrx_openat(-100, path, Int32(O_WRONLY | O_CLOEXEC), 0)
    guard file >= 0 else {
      let error = Errno(rawValue: CInt(-file))
      throw error == .noSuchFileOrDirectory ? .noSuchProcess : error
    }
    defer { Glibc.close(Int32(file)) }
    // If the process still lives, the numbers were its own and its thread's when the file was opened, which leads to its memory whatever comes.
    guard uwrx_pidfd_probe(group.pidfd.rawValue) == 0 else { throw .noSuchProcess }
    for patch in patches {
      let count = patch.bytes.withUnsafeBytes {
        pwrite(Int32(file), $0.baseAddress!, $0.count, off_t(address + patch.offset))
      }
      // 0: its memory is gone.
      guard count == patch.bytes.count else { throw count < 0 ? Errno(rawValue: uwrx_errno()) : .noSuchProcess }
    }
  }

  func isWaiting(_ notification: UInt64) -> Bool {
    uwrx_notification_is_valid(listener.rawValue, notification) == 0
  }
}

private let ESRCH_: CInt = 3
private let EFAULT_: CInt = 14
