import CLinux
import Glibc

/// Descriptors 0, 1 and 2 where whoever has started this program has closed them. A file that is opened later would get such a number, and then
/// what is written to standard output.
public enum ClosedDescriptors {
  private static let onlyPath: Int32 = 0o10000000  // O_PATH, which is not imported

  /// Takes the numbers that are free with what can neither be read nor written (open(2), O_PATH: EBADF, as for a closed one), and is closed
  /// again in each program that is started.
  /// - Returns: the first that could not be taken; nil if there is none.
  @discardableResult
  public static func hold() -> Int32? {
    for descriptor in Int32(0)...2 where uwrx_fcntl(descriptor, F_GETFD, 0) < 0 {
      guard uwrx_openat(AT_FDCWD, "/dev/null", onlyPath | O_CLOEXEC, 0) == descriptor else { return descriptor }
    }
    return nil
  }

  /// Whether a descriptor is as good as closed to whoever reads or writes it.
  static func contains(_ descriptor: Int32) -> Bool {
    let flags = uwrx_fcntl(descriptor, F_GETFL, 0)
    return flags < 0 || flags & Int(onlyPath) != 0
  }
}
