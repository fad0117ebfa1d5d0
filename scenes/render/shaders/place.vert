#version 330 core
layout(location = 0) in vec3 position;

uniform mat4 pose;   // object to world
uniform mat4 camera; // world to picture

void main()
{
    gl_Position = camera * (pose * vec4(position, 1.0));
}
