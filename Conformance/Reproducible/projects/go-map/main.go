package main

import "fmt"

func main() {
	numbers := map[int]bool{}
	for i := 0; i < 100; i++ {
		numbers[i] = true
	}
	for i := range numbers {
		fmt.Print(i, " ")
	}
	fmt.Println()
}
