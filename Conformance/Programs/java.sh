#!/bin/sh
# java: javac, java, jar: a virtual machine with many threads, its own signal handlers, mapped files and a shared archive.
# timeout: 300
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in java javac jar; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
mkdir -p src/app classes
cat > src/app/Main.java <<'EOF'
package app;
import java.io.*;
import java.net.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Main {
  interface Task { void run() throws Exception; }
  static void section(String name, Task task) throws Exception { System.out.println("== " + name); task.run(); }

  public static void main(String[] arguments) throws Exception {
    System.out.println(String.join(",", arguments));
    section("threads", () -> {
      var pool = Executors.newFixedThreadPool(16);
      var sum = new AtomicLong();
      for (int i = 0; i < 1000; i++) { int n = i; pool.submit(() -> sum.addAndGet(n)); }
      pool.shutdown();
      System.out.println(pool.awaitTermination(60, TimeUnit.SECONDS) + " " + sum);
      System.out.println(IntStream.range(0, 100000).parallel().mapToLong(i -> i).sum());
    });
    section("files", () -> {
      var directory = Files.createDirectories(Path.of("made/a/b"));
      for (int i = 0; i < 300; i++) Files.writeString(directory.resolve("f" + i), "file " + i);
      try (var paths = Files.walk(Path.of("made"))) { System.out.println(paths.count()); }
      try (var lines = Files.lines(directory.resolve("f7"))) { System.out.println(lines.collect(Collectors.joining())); }
      Files.createSymbolicLink(Path.of("link"), Path.of("made"));
      System.out.println(Files.readSymbolicLink(Path.of("link")) + " " + Files.isDirectory(Path.of("link")));
      Files.move(directory.resolve("f1"), directory.resolve("moved"), StandardCopyOption.ATOMIC_MOVE);
      try { Files.delete(directory); } catch (DirectoryNotEmptyException error) { System.out.println("not empty"); }
      try { Files.readString(Path.of("missing")); } catch (NoSuchFileException error) { System.out.println("none: " + error.getMessage()); }
      try (var channel = FileChannel.open(Path.of("mapped"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        var map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
        map.putInt(4096, 42); map.force();
        var buffer = ByteBuffer.allocate(4); channel.read(buffer, 4096); System.out.println(buffer.getInt(0));
        try (var lock = channel.lock()) { System.out.println(lock.isValid()); }
      }
      var temporary = Files.createTempFile("java", ".tmp"); System.out.println(Files.size(temporary)); Files.delete(temporary);
    });
    section("processes", () -> {
      var process = new ProcessBuilder("sh", "-c", "read line; echo \"got $line\"; exit 3").redirectErrorStream(true).start();
      try (var out = process.outputWriter()) { out.write("a line\n"); }
      System.out.println(new String(process.getInputStream().readAllBytes()).trim() + " " + process.waitFor());
      var sleeper = new ProcessBuilder("sleep", "60").start(); sleeper.destroy(); System.out.println(sleeper.waitFor());
      try { new ProcessBuilder("/nonexistent").start(); } catch (IOException error) { System.out.println(error.getCause().getMessage()); }
      System.out.println(ProcessHandle.current().isAlive());
    });
    section("network", () -> {
      try (var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
        new Thread(() -> { try (var s = server.accept()) { s.getInputStream().transferTo(s.getOutputStream()); } catch (IOException e) { } }).start();
        try (var client = new Socket(server.getInetAddress(), server.getLocalPort())) {
          client.getOutputStream().write("echo".getBytes()); client.shutdownOutput();
          System.out.println(new String(client.getInputStream().readAllBytes()));
        }
      }
      try (var selector = Selector.open()) { System.out.println(selector.selectNow()); }
    });
    section("memory", () -> {
      var lists = new ArrayList<byte[]>();
      for (int i = 0; i < 2000; i++) { lists.add(new byte[100_000]); if (lists.size() > 100) lists.clear(); }
      System.gc();
      try { recurse(0); } catch (StackOverflowError error) { System.out.println("stack overflow caught"); }
      try { Object nothing = null; nothing.hashCode(); } catch (NullPointerException error) { System.out.println("null caught"); }
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("shutdown hook")));
    System.exit(5);
  }
  static int recurse(int n) { return recurse(n + 1) + 1; }
}
EOF
javac -d classes src/app/Main.java
find classes -name '*.class' | sort
status=0; java -Xmx256m -cp classes app.Main one two || status=$?; echo "status $status"
jar --create --file app.jar --main-class app.Main -C classes .
rm -rf made link mapped
status=0; java -Xmx256m -XX:+UseSerialGC -jar app.jar from a jar > jar.out || status=$?; echo "status $status, $(cat jar.out | wc -l) lines"
jar tf app.jar | sort | head -3
