// swift-tools-version: 6.1
import PackageDescription

// Commands that are no part of a run are small rather than fast.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

let package = Package(
  name: "uwrx",
  products: [
    .executable(name: "uwrx", targets: ["uwrx"]),
    .executable(name: "uwrx-proxy", targets: ["uwrx-proxy"]),
    .executable(name: "uwrx-cache", targets: ["uwrx-cache"]),
    .library(name: "Sandbox", targets: ["Sandbox"]),
    .library(name: "Inspect", targets: ["Inspect"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    // Its traits are off: one brings Foundation whole, which is 37 MB of ICU in a static binary.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .executableTarget(
      name: "uwrx",
      dependencies: [
        "Sandbox", "VirtualKernel", "Supervisor", "Tracing", "Inspect", "Results", "TraceViewer", "Conformance",
        "Network", "Skipping",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["Linking"],
      swiftSettings: small,
      linkerSettings: [
        // gold, the default, writes each address that is relative to where the program lies as 24 bytes, and makes all of Swift's symbols
        // known to the dynamic linker: 2.5 MB of file and 1.5 MB of memory. Nobody looks them up. Nobody throws C++ exceptions, which
        // need the index of the frames. libstdc++ and zlib as parts of the program start in a millisecond less than as libraries.
        .unsafeFlags(
          [
            "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
            "-Xlinker", "--icf=safe", "-Xlinker", "--no-eh-frame-hdr",
            "-L", "\(Context.packageDirectory)/Sources/uwrx/Linking",
          ],
          .when(configuration: .release))
      ]),
    .target(
      name: "Sandbox",
      dependencies: [
        "Supervisor", "VirtualKernel", "Inspect", "Tracing", "CLinux",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Supervisor",
      dependencies: [
        "VirtualKernel", "Reproducibility", "Skipping", "Archives", "Inspect", "Tracing", "Network", "TrustStores",
        "CGuest",
        "CLinux",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Archives",
      dependencies: [
        "VirtualKernel", "CArchives", "CLinux",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "VirtualKernel",
      dependencies: [
        "CLinux", "Tracing", "Reproducibility", "Skipping",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Skipping",
      dependencies: ["CLinux", "Tracing", .product(name: "SystemPackage", package: "swift-system")]),
    .target(name: "Reproducibility", dependencies: ["CLinux"]),
    .target(name: "Network", dependencies: ["CLinux"]),
    .target(
      name: "Proxy",
      dependencies: [
        "Network", "Certificates", "TrustStores", "TLS", "Tracing", "HelperWalls", "CGuest", "CLinux", "COpenSSL",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "TLS", dependencies: ["COpenSSL", .product(name: "NIOCore", package: "swift-nio")]),
    .target(name: "HelperWalls", dependencies: ["CLinux", .product(name: "SystemPackage", package: "swift-system")]),
    .target(
      name: "RemoteCache",
      dependencies: [
        "Skipping", "TLS", "Tracing", "COpenSSL",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["Messages/remote_execution.proto"]),
    .executableTarget(
      name: "uwrx-cache",
      dependencies: [
        "RemoteCache", "HelperWalls", "Skipping", "CLinux",
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(name: "uwrx-proxy", dependencies: ["Proxy", "Network", "Certificates", "TLS"]),
    .target(name: "CArchives", cSettings: [.define("_GNU_SOURCE")]),
    .target(
      name: "Conformance", dependencies: ["Sandbox", "Supervisor", "VirtualKernel", "CConformance"],
      swiftSettings: small),
    .target(name: "CConformance"),
    .target(
      name: "Inspect",
      dependencies: [
        "Tracing", "Archives", "CZlib", "CLinux", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Tracing",
      dependencies: [
        "CLinux", "CZlib", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Results",
      dependencies: [
        "Supervisor", "VirtualKernel", "Inspect", "Tracing", "Archives", "CLinux",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: small),
    .target(
      name: "TraceViewer",
      dependencies: [
        "Inspect", "Tracing", "CNcurses", "CLinux", .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: small),
    .target(name: "CNcurses", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "TrustStores"),
    .target(name: "Certificates", dependencies: ["TrustStores", "COpenSSL"]),
    .target(name: "CGuest"),
    .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .testTarget(name: "ArchivesTests", dependencies: ["Archives", "VirtualKernel", "CLinux"]),
    .testTarget(name: "NetworkTests", dependencies: ["Network", "RandomKit"]),
    .testTarget(
      name: "TLSTests",
      dependencies: [
        "TLS", "RandomKit",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "ProxyTests",
      dependencies: [
        "Proxy", "Network", "Tracing", "RandomKit",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "SkippingTests",
      dependencies: ["Skipping", "RandomKit", .product(name: "SystemPackage", package: "swift-system")]),
    .testTarget(
      name: "RemoteCacheTests",
      dependencies: [
        "RemoteCache", "Skipping", "Tracing", "CacheKit", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(name: "ReproducibilityTests", dependencies: ["Reproducibility", "MachineKit"]),
    .testTarget(name: "VirtualKernelTests", dependencies: ["VirtualKernel", "Reproducibility", "Skipping", "Tracing"]),
    .testTarget(name: "CertificatesTests", dependencies: ["Certificates", "TrustStores", "RandomKit"]),
    .testTarget(
      name: "TracingTests",
      dependencies: ["Tracing", "Inspect", "CZlib", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["trace.proto"]),
    .testTarget(
      name: "InspectTests",
      dependencies: [
        "Inspect", "Tracing", "TraceKit", "CZlib", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "TraceKit", dependencies: ["Tracing"], path: "Tests/TraceKit"),
    .testTarget(name: "TraceViewerTests", dependencies: ["uwrx", "TraceViewer", "Inspect", "Tracing"]),
    .testTarget(name: "SupervisorTests", dependencies: ["Supervisor", "VirtualKernel", "CLinux", "CSeccomp"]),
    .testTarget(name: "ResultsTests", dependencies: ["uwrx", "Results"]),
    .testTarget(
      name: "RunTests",
      dependencies: [
        "uwrx", "Inspect", "Tracing", "TraceKit", "CacheKit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "ConformanceTests", dependencies: ["Conformance", "VirtualKernel"]),
    .target(name: "MachineKit", path: "Tests/MachineKit"),
    .target(name: "CacheKit", path: "Tests/CacheKit"),
    .target(name: "RandomKit", path: "Tests/RandomKit"),
    .testTarget(name: "AttackTests", dependencies: ["MachineKit"]),
    .testTarget(name: "ModelTests"),
    .testTarget(name: "ProgramTests", dependencies: ["MachineKit", "CZlib"]),
  ],
  swiftLanguageModes: [.v6]
)
