import SystemPackage

// Calls that name a file. A path is a pointer that decides something, and the virtual tree alone knows what it
// names, so the kernel runs none of these but the few that only the caller can run.

extension Registry {
  /// Calls that resolve a path, change the tree or list it.
  static var files: [SyscallEntry] {
    [
      .emulate(.openat, Syscalls.openat, "The virtual tree resolves the path and a real descriptor is injected."),
      .emulate(.openat2, Syscalls.openat2, "As openat; the RESOLVE_ flags hold within the virtual tree."),
      .emulate(.mkdirat, Syscalls.mkdirat, "Makes a directory of the virtual tree in this run's layer."),
      .emulate(.mknodat, Syscalls.mknodat, "Makes a node of the virtual tree; a device needs a privilege."),
      .emulate(.unlinkat, Syscalls.unlinkat, "Removes a name of the virtual tree; a lower file is whited out."),
      .emulate(.renameat, Syscalls.renameat, "Renames within the virtual tree; a lower file is copied up first."),
      .emulate(.renameat2, Syscalls.renameat2, "Renames within the virtual tree, with NOREPLACE and EXCHANGE."),
      .emulate(.linkat, Syscalls.linkat, "Links within the virtual tree; a lower file is copied up first."),
      .emulate(.symlinkat, Syscalls.symlinkat, "Makes a symbolic link of the virtual tree."),
      .emulate(.readlinkat, Syscalls.readlinkat, "Links are walked in the virtual tree, never by the host."),
      .emulate(.truncate, Syscalls.truncate, "Resolves a path; a lower file is copied up first."),
      .emulate(.getdents64, Syscalls.getdents64, "Lists the merged layers; the cursor is the descriptor's position."),
      .emulate(.statfs, Syscalls.statfs, "Resolves a path, and must not tell of the host's filesystems."),
      .emulate(.fstatfs, Syscalls.fstatfs, "Must not tell of the filesystem behind a layer."),
      .emulate(.inotify_add_watch, Syscalls.inotify_add_watch, "Resolves a path in the virtual tree."),
      .emulate(
        .inotify_rm_watch, Syscalls.inotify_rm_watch,
        "What is watched decides what the supervisor hides of its own work."),
      .gate(.chdir, Syscalls.chdir, "The directory is made in the skeleton root, and the caller itself moves there."),
      .gate(.fchdir, Syscalls.fchdir, "As chdir, after a check that the descriptor is a directory of the tree."),
      .gate(.chroot, Syscalls.chroot, "As chdir: the kernel goes by the directory of the skeleton root."),
      .gate(.umask, Syscalls.umask, "The kernel keeps the mask; emulated creation has to know it."),
      .native(.getcwd, "The cwd is the same path of the skeleton root, so the kernel's answer is right."),
      .emulate(
        .name_to_handle_at, Syscalls.name_to_handle_at, "Resolves a path; a handle would name an inode of the host's.",
        missing: "handles, as on a filesystem without them"),
      .deny(.open_by_handle_at, .notPermitted, "Opens by host inode past every path; needs CAP_DAC_READ_SEARCH."),
    ]
  }

  /// Calls that read or change what the tree says of a file.
  static var metadata: [SyscallEntry] {
    [
      .emulate(.newfstatat, Syscalls.newfstatat, "Answered from the virtual inode: its times, ids and number."),
      .emulate(.fstat, Syscalls.fstat, "As newfstatat, so that a file has one identity however it is named."),
      .emulate(.statx, Syscalls.statx, "As newfstatat."),
      .emulate(.faccessat, Syscalls.faccessat, "Resolves a path; permissions are those of the virtual inode."),
      .emulate(.faccessat2, Syscalls.faccessat2, "As faccessat, with flags."),
      .emulate(.fchmod, Syscalls.fchmod, "Could change a lower file through a read-only descriptor."),
      .emulate(.fchmodat, Syscalls.fchmodat, "Resolves a path; the mode is kept in this run's layer."),
      .emulate(.fchmodat2, Syscalls.fchmodat2, "As fchmodat, with flags."),
      .emulate(.fchown, Syscalls.fchown, "Could change a lower file; owners are remembered, not changed."),
      .emulate(.fchownat, Syscalls.fchownat, "Resolves a path; owners are remembered, not changed."),
      .emulate(.utimensat, Syscalls.utimensat, "Resolves a path, or changes a file through a read-only descriptor."),
      .emulate(.setxattr, Syscalls.setxattr, "Resolves a path; a lower file is copied up first."),
      .emulate(.lsetxattr, Syscalls.lsetxattr, "Resolves a path; a lower file is copied up first."),
      .emulate(.fsetxattr, Syscalls.fsetxattr, "Could change a lower file through a read-only descriptor."),
      .emulate(.setxattrat, Syscalls.setxattrat, "As setxattr, from a directory or of a descriptor."),
      .emulate(.getxattr, Syscalls.getxattr, "Resolves a path in the virtual tree."),
      .emulate(.lgetxattr, Syscalls.lgetxattr, "Resolves a path in the virtual tree."),
      .emulate(.fgetxattr, Syscalls.fgetxattr, "The copy in this run's layer has them, not the file below."),
      .emulate(.getxattrat, Syscalls.getxattrat, "As getxattr, from a directory or of a descriptor."),
      .emulate(.listxattr, Syscalls.listxattr, "Resolves a path in the virtual tree."),
      .emulate(.llistxattr, Syscalls.llistxattr, "Resolves a path in the virtual tree."),
      .emulate(.flistxattr, Syscalls.flistxattr, "The copy in this run's layer has them, not the file below."),
      .emulate(.listxattrat, Syscalls.listxattrat, "As listxattr, from a directory or of a descriptor."),
      .emulate(.removexattr, Syscalls.removexattr, "Resolves a path; a lower file is copied up first."),
      .emulate(.lremovexattr, Syscalls.lremovexattr, "Resolves a path; a lower file is copied up first."),
      .emulate(.fremovexattr, Syscalls.fremovexattr, "Could change a lower file through a read-only descriptor."),
      .emulate(.removexattrat, Syscalls.removexattrat, "As removexattr, from a directory or of a descriptor."),
      .deny(.file_getattr, .noFunction, "Only since Linux 6.17; inode flags such as immutable are not kept."),
      .deny(.file_setattr, .noFunction, "Only since Linux 6.17; inode flags such as immutable are not kept."),
    ]
  }

  #if arch(x86_64)
    /// The calls of `files` in the form that had no directory descriptor or no flags.
    static var filesOfX86: [SyscallEntry] {
      [
        .emulate(.open, Syscalls.open, "As openat from the current directory."),
        .emulate(.creat, Syscalls.creat, "As open with O_CREAT, O_WRONLY and O_TRUNC."),
        .emulate(.mkdir, Syscalls.mkdir, "As mkdirat from the current directory."),
        .emulate(.rmdir, Syscalls.rmdir, "As unlinkat with AT_REMOVEDIR."),
        .emulate(.mknod, Syscalls.mknod, "As mknodat from the current directory."),
        .emulate(.unlink, Syscalls.unlink, "As unlinkat from the current directory."),
        .emulate(.rename, Syscalls.rename, "As renameat from the current directory."),
        .emulate(.link, Syscalls.link, "As linkat from the current directory."),
        .emulate(.symlink, Syscalls.symlink, "As symlinkat from the current directory."),
        .emulate(.readlink, Syscalls.readlink, "As readlinkat from the current directory."),
        .emulate(.getdents, Syscalls.getdents, "As getdents64, in the older record format."),
      ]
    }

    /// The calls of `metadata` in the form that had no directory descriptor or no flags.
    static var metadataOfX86: [SyscallEntry] {
      [
        .emulate(.stat, Syscalls.stat, "As newfstatat from the current directory."),
        .emulate(.lstat, Syscalls.lstat, "As newfstatat with AT_SYMLINK_NOFOLLOW."),
        .emulate(.access, Syscalls.access, "As faccessat from the current directory."),
        .emulate(.chmod, Syscalls.chmod, "As fchmodat from the current directory."),
        .emulate(.chown, Syscalls.chown, "As fchownat from the current directory."),
        .emulate(.lchown, Syscalls.lchown, "As fchownat with AT_SYMLINK_NOFOLLOW."),
        .emulate(.utime, Syscalls.utime, "As utimensat, in seconds."),
        .emulate(.utimes, Syscalls.utimes, "As utimensat, in microseconds."),
        .emulate(.futimesat, Syscalls.futimesat, "As utimensat, in microseconds."),
      ]
    }
  #else
    static var filesOfX86: [SyscallEntry] { [] }
    static var metadataOfX86: [SyscallEntry] { [] }
  #endif
}
