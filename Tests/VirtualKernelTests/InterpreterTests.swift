import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct InterpreterTests {
  private func interpreter(_ bytes: [UInt8]) throws -> String? {
    let machine = try Machine { $0.file("program", mode: 0o755).bytes = bytes }
    let file = machine.world.insert(
      OpenFile(machine.kernel.files.lowerLayers.layers[0].rootNode(machine.world).at("program")!, flags: O_RDONLY))
    return try machine.kernel.files.interpreters.interpreter(of: file).map { String(decoding: $0, as: UTF8.self) }
  }

  private static let scripts: [(String, String?)] = [
    ("#!/bin/sh\n", "/bin/sh"), ("#!/bin/sh", "/bin/sh"), ("#! /bin/sh -e x\n", "/bin/sh"),
    ("#!\t /bin/sh\t-e\n", "/bin/sh"),
    ("#!/bin/sh\r\n", "/bin/sh\r"), ("#!relative\n", "relative"), ("#!\n", nil), ("#!   \n", nil), ("#!", nil),
    ("#", nil), ("", nil),
    ("#!/bin/sh\0junk", "/bin/sh"), ("echo\n", nil), (" #!/bin/sh\n", nil),
    ("#!/" + String(repeating: "x", count: 252) + "\n", "/" + String(repeating: "x", count: 252)),
    ("#!/" + String(repeating: "x", count: 300) + "\n", nil),
    ("#!/bin/sh " + String(repeating: "x", count: 300) + "\n", "/bin/sh"),
  ]

  @Test(arguments: scripts)
  func firstLine(_ text: String, _ expected: String?) throws {
    #expect(try interpreter(Array(text.utf8)) == expected)
  }

  @Test func loaderOfADynamicProgram() throws {
    #expect(try interpreter(Elf.bytes(interpreter: "/lib64/ld-linux-x86-64.so.2")) == "/lib64/ld-linux-x86-64.so.2")
    #expect(try interpreter(Elf.bytes(interpreter: nil)) == nil)
    #expect(try interpreter(Elf.bytes(interpreter: "")) == nil)
  }

  @Test func everyTruncationAndEveryChangedByteIsHarmless() throws {
    let whole = Elf.bytes(interpreter: "/ld")
    for length in 0..<whole.count {
      let found = try interpreter(Array(whole.prefix(length)))
      #expect(found == nil || "/ld".hasPrefix(found!))
    }
    for index in 0..<whole.count {
      for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
        var bytes = whole
        bytes[index] = value
        // EI_CLASS: a 32-bit program.
        if index == 4, value == 1 { continue }
        _ = try interpreter(bytes)
      }
    }
  }

  @Test("a 32-bit program is not run, nor a path without its end")
  func notExecutable() throws {
    var bytes = Elf.bytes(interpreter: "/ld")
    bytes[bytes.count - 1] = UInt8(ascii: "x")
    #expect(try interpreter(bytes) == nil)
    bytes[4] = 1
    #expect(throws: Errno(rawValue: ENOEXEC)) { try interpreter(bytes) }
    let machine = try Machine { $0.file("program", mode: 0o755).bytes = bytes }
    #expect(machine.call(.execve, "/program", 0, 0) == .error(.init(rawValue: ENOEXEC)))
    #expect(machine.kernel.refusedProgram == Array("/program".utf8))
  }
}

extension Layer {
  /// Of a machine's layer, which is a directory of the mocked host.
  var root: FileDescriptor { (tree as! HostTree).root }

  func rootNode(_ world: World) -> Node { world.file(root).node }
}
