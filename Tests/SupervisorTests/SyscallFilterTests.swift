import Supervisor
import Testing
import VirtualKernel

/// The assembled filter decides as libseccomp's does, for every number and for arguments around every condition.
@Suite("Seccomp filter")
struct SyscallFilterTests {
  private static let own = FilterInterpreter(program: SyscallFilter().program)
  #if arch(x86_64)
    private static let architecture: UInt32 = 0xc000_003e
    private static let foreign: [UInt32] = [0x4000_0003, 0xc000_00b7, 0]
  #else
    private static let architecture: UInt32 = 0xc000_00b7
    private static let foreign: [UInt32] = [0x4000_0028, 0xc000_003e, 0]
  #endif
  private static let allow: UInt32 = 0x7fff_0000
  private static let notify: UInt32 = 0x7fc0_0000
  private static let noSuchCall: UInt32 = 0x0005_0000 | 38

  private static func call(_ number: Int32, _ arguments: [UInt64] = []) -> FilterInterpreter.CallData {
    .init(
      number: number, architecture: architecture,
      arguments: arguments + Array(repeating: 0, count: 6 - arguments.count))
  }

  /// Values of an argument that lie on and next to each condition of an entry, with and without a high half.
  private static func arguments(of entry: SyscallEntry) -> [[UInt64]] {
    var cases: [[UInt64]] = [[0, 0, 0, 0, 0, 0], Array(repeating: .max, count: 6)]
    for number in entry.observation?.descriptors ?? [] {
      for descriptor in [0, number, 3, number | 0x80, number | 1 << 31] {
        for high in [0, 1 << 32, 0xffff_ffff_0000_0000] as [UInt64] {
          cases.append([high | UInt64(descriptor), 0, 0, 0, 0, 0])
        }
      }
    }
    for alternative in entry.nativeWhen {
      var base = Array(repeating: UInt64(0), count: 6)
      for condition in alternative { base[Int(condition.argument)] = condition.value }
      cases.append(base)
      for condition in alternative {
        for change in [1, 2, 0x80, 0x200, 0x1_0000, 0x1000_0000, 1 << 32, 1 << 63] as [UInt64] {
          var changed = base
          changed[Int(condition.argument)] ^= change
          cases.append(changed)
        }
      }
    }
    return cases
  }

  private static let allRules = CallProfile.allCases.flatMap { profile in
    (0..<16).map { CallRules(profile, CallVariants(rawValue: $0)) }
  }

  @Test("agrees with libseccomp", arguments: TraceLevel.allCases, allRules)
  func agrees(_ level: TraceLevel, _ calls: CallRules) throws {
    let own = FilterInterpreter(program: SyscallFilter(level: level, calls: calls).program)
    let reference = FilterInterpreter(program: try LibseccompFilter.program(level, calls))
    var compared = 0
    for number in Int32(-2)...600 {
      let entry = Registry.entry(number)?.under(calls)
      for arguments in entry.map(Self.arguments) ?? [[0, 0, 0, 0, 0, 0]] {
        let data = Self.call(number, arguments)
        let result = own.run(data)
        #expect(result != nil && result == reference.run(data), "\(number) \(arguments)")
        compared += 1
      }
    }
    #expect(compared > 1000)
  }

  @Test("knows no call of foreign architectures and of the x32 ABI")
  func refuses() {
    for architecture in Self.foreign {
      var data = Self.call(0)
      data.architecture = architecture
      #expect(Self.own.run(data) == Self.noSuchCall)
    }
    #if arch(x86_64)
      for number in [0x4000_0000, 0x4000_0027, 0x4000_0208, .max, .min, -2] as [Int32] {
        #expect(Self.own.run(Self.call(number)) == Self.noSuchCall)
      }
    #endif
  }

  @Test("lets nothing through that is not in the registry")
  func unknown() {
    for number in Int32(0)...2000 where Registry.entry(number) == nil {
      #expect(Self.own.run(Self.call(number)) == Self.notify)
    }
  }

  @Test("sees a request with garbage in the high half")
  func highHalf() {
    let ioctl = SyscallNumber.ioctl.rawValue
    for high in [0, 1 << 32, 0xffff_ffff_0000_0000] as [UInt64] {
      // TIOCSTI is never native, TCGETS always is: the kernel takes the low half.
      #expect(Self.own.run(Self.call(ioctl, [0, high | 0x5412])) == Self.notify)
      #expect(Self.own.run(Self.call(ioctl, [0, high | 0x5401])) == Self.allow)
    }
  }

  @Test("notifies of a clone that asks for a namespace", arguments: [17, 25, 26, 27, 28, 29, 30] as [UInt64])
  func namespaces(_ bit: UInt64) {
    let clone = SyscallNumber.clone.rawValue
    #expect(Self.own.run(Self.call(clone, [1 << bit | 17])) == Self.notify)
    // A thread, as libc makes it.
    #expect(Self.own.run(Self.call(clone, [0x003d_0f00])) == Self.allow)
  }
}
