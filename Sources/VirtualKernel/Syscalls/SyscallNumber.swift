extension SyscallNumber {
  /// The kernel's name of the call. The cases are the kernel's own names, so this is the case's name.
  public var name: String { String(describing: self) }
}
