import Glibc
import Testing
import VirtualKernel

@testable import Supervisor

/// What the supervisor may still do when the guest runs.
@Suite struct SupervisorFilterTests {
  private static let interpreter = FilterInterpreter(program: SupervisorFilter.filter.program)

  private static func run(_ call: SyscallNumber, _ argument: UInt64 = 0) -> UInt32? {
    #if arch(x86_64)
      let architecture: UInt32 = 0xc000_003e
    #else
      let architecture: UInt32 = 0xc000_00b7
    #endif
    return interpreter.run(
      .init(number: call.rawValue, architecture: architecture, arguments: [argument, 0, 0, 0, 0, 0]))
  }

  @Test(
    "nothing that leads out of the run",
    arguments: [.execve, .socket, .connect, .mount, .setns, .setuid, .bpf, .init_module, .open_by_handle_at]
      as [SyscallNumber])
  func refused(_ call: SyscallNumber) {
    #expect(Self.run(call) == 0x0005_0000 | UInt32(EPERM))
  }

  @Test("threads, and no processes")
  func clone() {
    #expect(Self.run(.clone, 0x003d_0f00) == 0x7fff_0000)
    #expect(Self.run(.clone, UInt64(SIGCHLD)) == 0x0005_0000 | UInt32(EPERM))
    #expect(Self.run(.clone3) == 0x0005_0000 | UInt32(ENOSYS))
  }

  @Test(
    "its own work",
    arguments: [.ioctl, .openat, .openat2, .mknodat, .recvmsg, .sendmsg, .pidfd_getfd, .process_vm_readv, .kill, .mmap]
      as [SyscallNumber])
  func allowed(_ call: SyscallNumber) { #expect(Self.run(call) == 0x7fff_0000) }
}
