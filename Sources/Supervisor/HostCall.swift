import CLinux
import SystemPackage

/// Turns the result of a wrapper of CLinux into a value or an error.
@inline(__always)
func check(_ result: Int) throws(Errno) -> Int {
  if result < 0 { throw Errno(rawValue: CInt(-result)) }
  return result
}

/// The same for a call of libc's that sets errno.
@inline(__always)
func checkErrno(_ result: Int32) throws(Errno) {
  if result < 0 { throw Errno(rawValue: uwrx_errno()) }
}
