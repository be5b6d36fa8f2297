import CLinux
import Glibc
import SystemPackage

// capget(2), capset(2) and the options of prctl(2) that are about capabilities; kernel/capability.c, security/commoncap.c.
extension Syscalls {
  /// struct __user_cap_header_struct: version, pid.
  private typealias Header = (version: UInt32, pid: Int32)
  /// struct __user_cap_data_struct, the low or the high half of three sets.
  private typealias Half = (effective: UInt32, permitted: UInt32, inheritable: UInt32)

  private static let version3: UInt32 = 0x2008_0522

  /// How many halves a version has.
  /// - Throws: `.invalidArgument` for an unknown one, after the caller was told the version that is spoken here.
  private static func halves(_ call: Call) throws(Errno) -> Int {
    switch try call.read(UInt32.self, at: call.arguments.0) {
    case 0x1998_0330: return 1
    case 0x2007_1026, version3: return 2
    default:
      try call.write(version3, at: call.arguments.0)
      throw .invalidArgument
    }
  }

  @Sendable static func capget(_ call: Call) throws(Errno) -> Outcome {
    let isQuestion = call.arguments.1 == 0
    let count: Int
    do throws(Errno) {
      count = try halves(call)
    } catch {
      if isQuestion, error == .invalidArgument { return .value(0) }
      throw error
    }
    if isQuestion { return .value(0) }
    let header = try call.read(Header.self, at: call.arguments.0)
    guard header.pid >= 0 else { throw .invalidArgument }
    let sets = try capabilities(of: call.kernel.processes.kernelNumber(header.pid), call)
    for half in 0..<count {
      let shift = UInt64(half * 32)
      let part: Half = (
        UInt32(truncatingIfNeeded: sets.effective.rawValue >> shift),
        UInt32(truncatingIfNeeded: sets.permitted.rawValue >> shift),
        UInt32(truncatingIfNeeded: sets.inheritable.rawValue >> shift)
      )
      try call.write(part, at: call.arguments.1 &+ UInt64(half * MemoryLayout<Half>.size))
    }
    return .value(0)
  }

  private static func capabilities(of pid: Int32, _ call: Call) throws(Errno) -> Capabilities {
    if pid == 0 { return call.credentials.pointee.capabilities }
    let processes = call.kernel.processes
    if let thread = processes.findThread(NsTid(rawValue: pid)) { return thread.credentials.pointee.capabilities }
    if pid == 1 { return .root }
    // An orphan that has made no call yet that is seen.
    guard (try? call.kernel.information.statusOfProcLink(String(pid))) != nil else { throw .noSuchProcess }
    return processes.credentials.initial.pointee.capabilities
  }

  @Sendable static func capset(_ call: Call) throws(Errno) -> Outcome {
    let count = try halves(call)
    let header = try call.read(Header.self, at: call.arguments.0)
    let thread = call.kernel.processes.kernelNumber(header.pid)
    guard thread == 0 || thread == call.thread.nsID.rawValue else { throw .notPermitted }
    var new = call.credentials.pointee
    let old = new.capabilities
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    for half in 0..<count {
      let part = try call.read(Half.self, at: call.arguments.1 &+ UInt64(half * MemoryLayout<Half>.size))
      effective |= UInt64(part.effective) << UInt64(half * 32)
      permitted |= UInt64(part.permitted) << UInt64(half * 32)
      inheritable |= UInt64(part.inheritable) << UInt64(half * 32)
    }
    let all = Capabilities.Set.all
    new.capabilities.effective = Capabilities.Set(rawValue: effective).intersection(all)
    new.capabilities.permitted = Capabilities.Set(rawValue: permitted).intersection(all)
    new.capabilities.inheritable = Capabilities.Set(rawValue: inheritable).intersection(all)
    let wanted = new.capabilities
    let inheritableLimit = new.has(.setCapabilities) ? all : old.inheritable.union(old.permitted)
    // cap_capset(): the effective set of the caller decides, so it is the old one that is asked.
    guard old.effective.contains(.setCapabilities) || wanted.inheritable.isSubset(of: inheritableLimit),
      wanted.inheritable.isSubset(of: old.inheritable.union(old.bounding)),
      wanted.permitted.isSubset(of: old.permitted), wanted.effective.isSubset(of: wanted.permitted)
    else { throw .notPermitted }
    new.capabilities.ambient.formIntersection(wanted.permitted.intersection(wanted.inheritable))
    try call.kernel.processes.setCredentials(new, of: call.thread)
    return .value(0)
  }

  /// The options of prctl(2) about capabilities; nil for any other.
  static func changeCapabilities(_ call: Call, _ option: UInt32) throws(Errno) -> Outcome? {
    var new = call.credentials.pointee
    let argument = call.arguments.1
    switch option {
    case 7:  // PR_GET_KEEPCAPS
      return .value(new.capabilities.survivesUserChange ? 1 : 0)
    case 8:  // PR_SET_KEEPCAPS
      guard argument <= 1 else { throw .invalidArgument }
      new.capabilities.survivesUserChange = argument == 1
    case 23:  // PR_CAPBSET_READ
      return .value(new.capabilities.bounding.contains(try capability(argument)) ? 1 : 0)
    case 24:  // PR_CAPBSET_DROP
      guard new.has(.setCapabilities) else { throw .notPermitted }
      new.capabilities.bounding.subtract(try capability(argument))
    case 27:  // PR_GET_SECUREBITS, of which only SECBIT_KEEP_CAPS is ever set
      return .value(new.capabilities.survivesUserChange ? 1 << 4 : 0)
    case 28:  // PR_SET_SECUREBITS
      guard new.has(.setCapabilities), argument & ~(1 << 4) == 0 else { throw .notPermitted }
      new.capabilities.survivesUserChange = argument != 0
    case 47:  // PR_CAP_AMBIENT
      guard let value = try changeAmbient(call, &new.capabilities) else { break }
      return .value(value)
    default: return nil
    }
    try call.kernel.processes.setCredentials(new, of: call.thread)
    return .value(0)
  }

  /// - Returns: an answer, or nil if the set was changed.
  private static func changeAmbient(_ call: Call, _ own: inout Capabilities) throws(Errno) -> Int64? {
    guard call.arguments.3 == 0, call.arguments.4 == 0 else { throw .invalidArgument }
    let clearAll: UInt64 = 4  // PR_CAP_AMBIENT_CLEAR_ALL
    if call.arguments.1 == clearAll {
      guard call.arguments.2 == 0 else { throw .invalidArgument }
      own.ambient = []
      return nil
    }
    let bit = try capability(call.arguments.2)
    switch call.arguments.1 {
    case 1: return own.ambient.contains(bit) ? 1 : 0  // PR_CAP_AMBIENT_IS_SET
    case 2:  // PR_CAP_AMBIENT_RAISE
      guard own.permitted.contains(bit), own.inheritable.contains(bit) else { throw .notPermitted }
      own.ambient.insert(bit)
    case 3: own.ambient.remove(bit)  // PR_CAP_AMBIENT_LOWER
    default: throw .invalidArgument
    }
    return nil
  }

  private static func capability(_ number: UInt64) throws(Errno) -> Capabilities.Set {
    guard number < 64, Capabilities.Set.all.rawValue >> number & 1 != 0 else { throw .invalidArgument }
    return Capabilities.Set(rawValue: 1 << number)
  }

  /// PR_SET_TIMERSLACK. The slack of a thread that has changed who it is says who that is, and stays; so does one that would say that
  /// its children are somebody else. What was asked for is then a part of who it is.
  static func setTimerSlack(_ call: Call) throws(Errno) -> Outcome {
    let processes = call.kernel.processes
    let wanted = call.arguments.1
    var own = call.credentials.pointee
    own.timerSlack = 0
    guard own == processes.credentials.initial.pointee, !processes.credentials.isReserved(wanted) else {
      own.timerSlack = wanted
      try processes.setCredentials(own, of: call.thread)
      return .value(0)
    }
    try processes.setCredentials(own, of: call.thread)
    try call.kernel.information.setTimerSlack(of: call.thread.id, to: wanted)
    return .value(0)
  }

  /// PR_GET_TIMERSLACK.
  static func timerSlack(_ call: Call) throws(Errno) -> Outcome {
    let own = call.credentials.pointee.timerSlack
    if own != 0 { return .value(Int64(truncatingIfNeeded: own)) }
    let isMarked = call.credentials != call.kernel.processes.credentials.initial
    let slack = isMarked ? CredentialsTable.usualSlack : try call.kernel.information.timerSlack(of: call.thread.id)
    return .value(Int64(truncatingIfNeeded: slack))
  }
}
