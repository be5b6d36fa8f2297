/// Which process this is, whatever its number and whenever it came: where its random numbers come from.
///
/// It is made of what the process runs and of its parent's identity, and of how many *equal* siblings there were before. It is not made of
/// how many siblings there were: of the twelve compilers of a `make -j4` another one is the fifth each time. What is forked and has not
/// executed anything when it first needs a number, or has a child, is the parent's n-th such child: what executes at once does not count.
///
/// Two processes that are equal in all of this may get each other's numbers when they are born at once.
public final class ProcessIdentity {
  /// What a process has to do with its children. They keep it when it has ended, but not what it came from: a chain of a million
  /// processes is none of a million objects.
  private final class Family {
    let key: Key
    /// Of those that have executed nothing.
    var children: UInt64 = 0
    var executions: [Key: UInt64] = [:]

    init(_ key: Key) { self.key = key }
  }

  /// That it was born into: whatever it executes, it is that one's child.
  private let birth: Family
  private lazy var own: Family = {
    birth.children += 1
    return Family(birth.key.derived("fork", birth.children))
  }()
  private lazy var stream = RandomStream(own.key.derived("random"))
  private var openings: UInt64 = 0
  private var names: UInt64 = 0
  private var files: UInt64 = 0

  private init(birth: Family) { self.birth = birth }

  /// What the run's first process is the child of.
  public init(_ seed: RunSeed) {
    birth = Family(Key(seed))
  }

  /// What this one has made by fork(2).
  public func child() -> ProcessIdentity { ProcessIdentity(birth: own) }

  /// What this one is after an execve(2).
  /// - Parameter program: what it runs and how: the path that was executed, the arguments, the current directory.
  public func executing(_ program: [UInt8]) -> ProcessIdentity {
    let kind = birth.key.derived("execution", 0, program)
    let ordinal = birth.executions[kind, default: 0]
    birth.executions[kind] = ordinal + 1
    let executed = ProcessIdentity(birth: birth)
    executed.own = Family(kind.derived("ordinal", ordinal))
    return executed
  }

  /// What no other process has, and the same one in another run has again.
  public var digest: [UInt8] { withUnsafeBytes(of: own.key.derived("digest").words) { Array($0) } }

  /// What its process number is to be if no other process has it: one for each attempt.
  func number(_ attempt: UInt64) -> Int32 {
    let range = ProcessNumbers.range
    let words = own.key.derived("number", attempt).words
    return range.lowerBound + Int32(words[0] % UInt32(range.count))
  }

  /// The next of what getrandom(2) answers.
  public func fill(_ bytes: UnsafeMutableRawBufferPointer) { stream.fill(bytes) }

  /// AT_RANDOM (getauxval(3)).
  public func startBytes() -> SIMD2<UInt64> {
    var start = RandomStream(own.key.derived("start"))
    var bytes = SIMD2<UInt64>()
    withUnsafeMutableBytes(of: &bytes) { start.fill($0) }
    return bytes
  }

  /// What a random device gives that the process opens now. It has a stream of its own, as nobody knows how much of it is taken.
  public func openDevice() -> RandomStream {
    openings += 1
    return RandomStream(own.key.derived("device", openings))
  }

  /// A random UUID (RFC 9562, version 4), another one each time.
  public func makeUUID() -> String {
    names += 1
    return Self.uuid(own.key.derived("uuid", names))
  }

  /// 31 bits for the inode number of a pipe or a socket that the process is the first to ask about.
  public func makeFileNumber() -> UInt64 {
    files += 1
    return UInt64(own.key.derived("file", files).words[0] >> 1)
  }

  /// The one that all of the run has.
  public static func bootID(_ seed: RunSeed) -> String { uuid(Key(seed).derived("boot")) }

  private static func uuid(_ key: Key) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    var stream = RandomStream(key)
    bytes.withUnsafeMutableBytes { stream.fill($0) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let hyphens: Set = [4, 6, 8, 10]
    return bytes.enumerated().map { index, byte in
      let digits = String(byte, radix: 16)
      return (hyphens.contains(index) ? "-" : "") + (digits.utf8.count == 1 ? "0" : "") + digits
    }.joined()
  }
}
