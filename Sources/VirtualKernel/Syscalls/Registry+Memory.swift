import Glibc
import SystemPackage

// Calls on memory. They touch the caller's own address space, or that of a process which the kernel's ptrace access
// check lets the caller reach: another one of the guest's tree.

extension Registry {
  /// Whatever is no code.
  private static let data: [[ArgumentCondition]] = .all(.clear(2, bits: UInt64(PROT_EXEC)))

  static var memory: [SyscallEntry] {
    [
      .native(.mmap, "The caller's own memory; a file that is open read-only cannot be mapped shared and writable.")
        .gated(.answered, Syscalls.mmap, nativeWhen: data),
      .native(.munmap, "The caller's own memory."),
      .native(.mprotect, "The caller's own memory.")
        .gated(.answered, Syscalls.mprotect, nativeWhen: data),
      .native(.mremap, "The caller's own memory."),
      .native(.madvise, "The caller's own memory."),
      .native(.brk, "The caller's own memory."),
      .native(.msync, "Writes back the caller's own mappings."),
      .native(.mincore, "Tells which of the caller's own pages are resident."),
      .native(.mlock, "The caller's own memory, within its RLIMIT_MEMLOCK."),
      .native(.mlock2, "The caller's own memory, within its RLIMIT_MEMLOCK."),
      .native(.munlock, "The caller's own memory."),
      .native(.mlockall, "The caller's own memory, within its RLIMIT_MEMLOCK."),
      .native(.munlockall, "The caller's own memory."),
      .native(.mseal, "Only forbids later changes to the caller's own mappings."),
      .native(.map_shadow_stack, "The caller's own memory."),
      .native(.remap_file_pages, "The caller's own mappings; the kernel does it with mmap.").strict(.noFunction),
      .native(.pkey_alloc, "A protection key of the caller's own address space."),
      .native(.pkey_free, "A protection key of the caller's own address space."),
      .native(.pkey_mprotect, "The caller's own memory."),
      .native(.membarrier, "Orders memory accesses of the caller's own threads."),
      .native(
        .rseq, "Registers the caller's own restartable sequence, in which the kernel writes the processor's number."
      )
      .emulated(.uniform, Syscalls.rseq),
      .native(.mbind, "Placement of the caller's own memory.").strict(.noFunction),
      .native(.get_mempolicy, "Placement of the caller's own memory.").strict(.noFunction),
      .native(.set_mempolicy, "Placement of the caller's own memory.").strict(.noFunction),
      .native(.set_mempolicy_home_node, "Placement of the caller's own memory.").strict(.noFunction),
      .native(.migrate_pages, "Placement; another process is reachable only within the guest's pid namespace.").strict(
        .noFunction
      ).numbered(0),
      .native(.move_pages, "Placement; another process is reachable only within the guest's pid namespace.").strict(
        .noFunction
      ).numbered(0),
      .native(.process_madvise, "Reaches only processes of the guest's pid namespace that ptrace access allows.")
        .strict(.notPermitted),
      .native(.process_mrelease, "Frees memory of a dying process of the guest's pid namespace."),
      .native(.process_vm_readv, "Reaches only processes of the guest's pid namespace that ptrace access allows.")
        .strict(.notPermitted).numbered(0),
      .native(.process_vm_writev, "Reaches only processes of the guest's pid namespace that ptrace access allows.")
        .strict(.notPermitted).numbered(0),
      .native(
        .memfd_secret, "The caller's own memory; an argument in it that the supervisor would have to read is EFAULT."
      ).strict(.noFunction),
      .deny(.userfaultfd, .notPermitted, "A fault handler could stall the supervisor's reads of guest memory."),
    ]
  }
}
