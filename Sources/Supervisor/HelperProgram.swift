import CLinux
import Glibc
import SystemPackage

/// A program that stands beside uwrx and does a part of its work in a process of its own.
struct HelperProgram {
  let name: String
  /// The option that asks for it.
  let option: String

  /// Starts it with descriptors from 3 on. It has no input, says what it has to say where uwrx does, and the terminal's signals are not for it.
  func start(_ given: [Int32]) throws(SupervisorError) -> pid_t {
    let program = try path()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Beyond the places that they go to, else one would be written over before it is used.
    let descriptors = given.map { fcntl($0, F_DUPFD_CLOEXEC, Int32(3 + given.count + 8)) }
    defer { for descriptor in descriptors { close(descriptor) } }
    for (place, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, 3 + Int32(place))
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setpgroup(&attributes, 0)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var arguments = [strdup(name), nil]
    defer { free(arguments[0]) }
    var child: pid_t = 0
    let result = posix_spawn(&child, program, &actions, &attributes, &arguments, uwrx_environ())
    guard result == 0 else { throw SupervisorError("cannot start \(program): \(Errno(rawValue: result))") }
    return child
  }

  /// It stands beside uwrx.
  func path() throws(SupervisorError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard length > 0 else { throw SupervisorError("cannot find \(name): \(Errno(rawValue: uwrx_errno()))") }
    let own = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/" + name
    guard access(path, X_OK) == 0 else {
      throw SupervisorError("\(option) needs \(path), which is not there: put it beside uwrx; swift build makes both")
    }
    return path
  }
}
