#version 330 core
void main() {} // depth is all that is wanted
