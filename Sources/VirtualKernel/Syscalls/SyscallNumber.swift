extension SyscallNumber {
  /// The kernel's name of the call. The cases are the kernel's own names, so this is the case's name.
  public var name: String { String(describing: self) }

  /// The name of the call that a trace tells of; nil if there is none with the number.
  @Sendable public static func name(of number: UInt32) -> String? { Self(rawValue: Int32(bitPattern: number))?.name }
}
