/// linux/inotify.h
enum WatchEvents {
  static let access: UInt32 = 0x1
  static let modify: UInt32 = 0x2
  static let attributes: UInt32 = 0x4
  static let closeWrite: UInt32 = 0x8
  static let closeNoWrite: UInt32 = 0x10
  static let open: UInt32 = 0x20
  static let movedFrom: UInt32 = 0x40
  static let movedTo: UInt32 = 0x80
  static let create: UInt32 = 0x100
  static let delete: UInt32 = 0x200
  static let deleteSelf: UInt32 = 0x400
  static let moveSelf: UInt32 = 0x800
  static let all: UInt32 = 0xfff

  static let onlyDirectory: UInt32 = 0x0100_0000
  static let dontFollow: UInt32 = 0x0200_0000
  static let exclUnlink: UInt32 = 0x0400_0000
  static let maskCreate: UInt32 = 0x1000_0000
  static let maskAdd: UInt32 = 0x2000_0000
  /// A bit that may be given and asks for nothing: a mask without any is refused.
  static let isDirectory: UInt32 = 0x4000_0000
  static let oneShot: UInt32 = 0x8000_0000
  /// ALL_INOTIFY_BITS: what a mask must have one of.
  static let valid: UInt32 = 0xf700_efff

  /// What reading a file causes.
  static let reading = access | closeNoWrite | open
  /// What only the guest causes, or the supervisor for it in one step.
  static let resting = reading | modify | closeWrite | deleteSelf
}
