import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// What the kernel maps into every program (vdso(7)), so that it need not be called for the time: where it does what.
///
/// The image is the same in all programs of one architecture, so the supervisor reads its own.
struct VirtualDSO {
  /// Where functions are, from the image's start.
  private let functions: [String: Range<UInt64>]

  /// nil if this process has none, or one that cannot be read.
  init?() {
    let start = getauxval(33)  // AT_SYSINFO_EHDR
    guard start != 0, let image = UnsafeRawPointer(bitPattern: UInt(start)) else { return nil }
    guard let functions = Self.functions(of: image), !functions.isEmpty else { return nil }
    self.functions = functions
  }

  /// elf(5): the dynamic section's symbol table, whose length DT_HASH tells.
  private static func functions(of image: UnsafeRawPointer) -> [String: Range<UInt64>]? {
    let header = image.loadUnaligned(as: Elf64_Ehdr.self)
    var dynamic: UnsafeRawPointer?
    for index in 0..<Int(header.e_phnum) {
      let segment = (image + Int(header.e_phoff) + index * Int(header.e_phentsize)).loadUnaligned(as: Elf64_Phdr.self)
      if segment.p_type == UInt32(PT_DYNAMIC) { dynamic = image + Int(segment.p_vaddr) }
    }
    guard var entry = dynamic else { return nil }
    var tables: [Int64: UnsafeRawPointer] = [:]
    while true {
      let (tag, value) = (entry.loadUnaligned(as: Int64.self), entry.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      if tag == 0 { break }  // DT_NULL
      // Addresses count from the image's start, unless somebody has relocated them.
      tables[tag] = value > 1 << 20 ? UnsafeRawPointer(bitPattern: UInt(value)) : image + Int(value)
      entry += 16
    }
    // DT_HASH, DT_STRTAB, DT_SYMTAB. The strings follow the symbols where there is no old hash table.
    guard let strings = tables[5], let symbols = tables[6] else { return nil }
    let size = MemoryLayout<Elf64_Sym>.stride
    let count =
      tables[4].map { Int($0.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) } ?? (strings - symbols) / size
    guard (1...4096).contains(count) else { return nil }
    var functions: [String: Range<UInt64>] = [:]
    for index in 1..<max(2, count) {
      let symbol = (symbols + index * size).loadUnaligned(as: Elf64_Sym.self)
      guard symbol.st_value != 0 else { continue }
      functions[String(cString: (strings + Int(symbol.st_name)).assumingMemoryBound(to: CChar.self))] =
        symbol.st_value..<symbol.st_value &+ min(symbol.st_size, 1 << 16)
    }
    return functions
  }

  /// What makes functions that are answered by the supervisor call the kernel. A kernel has not all of them.
  func patches(for variants: CallVariants) -> [CodePatch] {
    Self.calls.filter { !$0.variant.isDisjoint(with: variants) }.compactMap { call in
      functions[Self.prefix + call.name].map { CodePatch(offset: $0.lowerBound, bytes: call.code) }
    }
  }

  /// What is left of the code of functions that are patched, in pieces of 32 bytes: for times that the guest's calls are given.
  func places(for variants: CallVariants) -> [UInt64] {
    guard variants.contains(.timed) else { return [] }
    let size: UInt64 = 32
    return Self.calls.filter { !$0.variant.isDisjoint(with: variants) }.flatMap { call -> [UInt64] in
      guard let code = functions[Self.prefix + call.name] else { return [] }
      // Where numbers of eight bytes may begin.
      let start = (code.lowerBound + UInt64(call.code.count) + 7) & ~7
      return start + size <= code.upperBound
        ? Array(stride(from: start, through: code.upperBound - size, by: Int(size))) : []
    }
  }

  #if arch(x86_64)
    private static let prefix = "__vdso_"
  #else
    private static let prefix = "__kernel_"
  #endif

  private struct PatchedCall {
    let name: String
    let variant: CallVariants
    let code: [UInt8]

    init(_ name: String, _ variant: CallVariants, _ number: SyscallNumber) {
      self.name = name
      self.variant = variant
      let number = UInt32(number.rawValue)
      #if arch(x86_64)
        // mov $number, %eax; syscall; ret
        code = [0xb8] + withUnsafeBytes(of: number.littleEndian) { Array($0) } + [0x0f, 0x05, 0xc3]
      #else
        // mov x8, #number; svc #0; ret
        code = [0xd280_0008 | number << 5, 0xd400_0001, 0xd65f_03c0].flatMap { word in
          withUnsafeBytes(of: word.littleEndian) { Array($0) }
        }
      #endif
    }

    init(absent name: String, _ variant: CallVariants) {
      self.name = name
      self.variant = variant
      #if arch(x86_64)
        // mov $-ENOSYS, %rax; ret
        code = [0x48, 0xc7, 0xc0, 0xda, 0xff, 0xff, 0xff, 0xc3]
      #else
        // mov x0, #-ENOSYS; ret
        code = [0x9280_04a0, 0xd65f_03c0].flatMap { word in withUnsafeBytes(of: UInt32(word).littleEndian) { Array($0) }
        }
      #endif
    }
  }

  private static let calls: [PatchedCall] = {
    var calls = [
      PatchedCall("clock_gettime", .timed, .clock_gettime), PatchedCall("gettimeofday", .timed, .gettimeofday),
      // Libraries go on with getrandom(2) then.
      PatchedCall(absent: "getrandom", .seeded), PatchedCall("getcpu", .uniform, .getcpu),
    ]
    #if arch(x86_64)
      calls.append(PatchedCall("time", .timed, .time))
    #endif
    return calls
  }()

  /// Whether the kernel lets a process write over the image (`CONFIG_PROC_MEM_ALWAYS_FORCE`, proc_mem.force_override=).
  /// The supervisor writes over its own what stands there.
  static var canBePatched: Bool {
    let start = getauxval(33)
    guard start != 0, let image = UnsafeRawPointer(bitPattern: UInt(start)) else { return false }
    let file = uwrx_openat(AT_FDCWD, "/proc/self/mem", Int32(O_WRONLY | O_CLOEXEC), 0)
    guard file >= 0 else { return false }
    defer { close(Int32(file)) }
    var bytes = image.loadUnaligned(as: UInt64.self)
    return pwrite(Int32(file), &bytes, 8, off_t(start)) == 8
  }
}
