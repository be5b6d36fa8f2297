static int once(int x) { return x * 3; }

int thrice(int x) {
  return once(x);
}
