import Glibc
import Testing
import VirtualKernel

@testable import Supervisor

/// What the supervisor may still do when the guest runs.
@Suite struct SupervisorFilterTests {
  private static let interpreter = FilterInterpreter(program: SupervisorFilter.filter.program)

  private static let tracing = FilterInterpreter(program: SupervisorFilter.tracingFilter.program)

  private static func run(
    _ call: SyscallNumber, _ argument: UInt64 = 0, in interpreter: FilterInterpreter = interpreter
  ) -> UInt32? {
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

  @Test("a guest's registers, in a run that needs to change some")
  func registers() {
    // PTRACE_DETACH, SYSCALL, GETREGSET, SETREGSET, SEIZE, INTERRUPT; TRACEME, POKEDATA, CONT, ATTACH, SETOPTIONS.
    for request in [17, 24, 0x4204, 0x4205, 0x4206, 0x4207] as [UInt64] {
      #expect(Self.run(.ptrace, request, in: Self.tracing) == 0x7fff_0000)
      #expect(Self.run(.ptrace, request) == 0x0005_0000 | UInt32(EPERM))
    }
    for request in [0, 5, 7, 16, 0x4200] as [UInt64] {
      #expect(Self.run(.ptrace, request, in: Self.tracing) == 0x0005_0000 | UInt32(EPERM))
    }
    #expect(Self.run(.execve, in: Self.tracing) == 0x0005_0000 | UInt32(EPERM))
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
