/// The handlers, one file per call or family of calls that differ only in their arguments.
enum Syscalls {}
